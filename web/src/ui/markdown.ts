// Message text (Markdown source) to a safe fragment. Raw HTML stays text, pictures become links, and everything
// passes DOMPurify. Mention tokens become chips whose names the caller fills in.
import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";

const MENTION = /^<(?:@([0-9a-f-]{36})|!(here|room))>/;

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const marked = new Marked({
  gfm: true,
  breaks: true,
  tokenizer: {
    // No token: HTML is ordinary text here.
    html: () => undefined,
    tag: () => undefined,
    // Four spaces at the start of a chat line are an accident, not code.
    code: () => undefined,
  },
  renderer: {
    // Headings of the page belong to the page.
    heading({ tokens }: Tokens.Heading) {
      return `<p><strong>${this.parser.parseInline(tokens)}</strong></p>`;
    },
    image({ href, text }: Tokens.Image) {
      return `<a href="${escapeHtml(href)}">${escapeHtml(text || href)}</a>`;
    },
    checkbox({ checked }: Tokens.Checkbox) {
      return checked ? "☑ " : "☐ ";
    },
  },
  extensions: [
    {
      name: "mention",
      level: "inline",
      start: (source: string) => {
        const index = source.search(/<[@!]/);
        return index < 0 ? undefined : index;
      },
      tokenizer(source: string) {
        const match = MENTION.exec(source);
        return match ? { type: "mention", raw: match[0], userId: match[1], group: match[2] } : undefined;
      },
      renderer(token: Token) {
        const { userId, group } = token as unknown as { userId?: string; group?: string };
        return userId
          ? `<span class="mention" data-user="${userId}">@…</span>`
          : `<span class="mention" data-group="${group}">@${group}</span>`;
      },
    },
  ],
});

const ALLOWED_TAGS = [
  ...["a", "b", "blockquote", "br", "code", "del", "em", "hr", "li", "ol", "p", "pre", "span", "strong"],
  ...["table", "tbody", "td", "th", "thead", "tr", "ul"],
];
const ALLOWED_ATTR = ["href", "class", "data-user", "data-group", "start"];

const purifier = DOMPurify(window);
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    node.setAttribute("rel", "noopener nofollow ugc");
    node.setAttribute("target", "_blank");
  } else if (node.hasAttribute("class") && node.className !== "mention") node.removeAttribute("class");
});

/** Returns a fragment ready to be put in the page. Links go to http(s) and mailto only. */
export function renderMarkdown(text: string): DocumentFragment {
  const html = marked.parse(text, { async: false });
  return purifier.sanitize(html, {
    RETURN_DOM_FRAGMENT: true,
    ALLOWED_TAGS,
    ALLOWED_ATTR,
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  });
}
