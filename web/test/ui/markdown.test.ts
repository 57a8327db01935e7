// @vitest-environment jsdom
// DOMPurify needs a faithful DOM: on a lesser one it lets things through that browsers do not.
import { describe, expect, test } from "vitest";
import { renderMarkdown } from "../../src/ui/markdown";
import { HER } from "../samples";

function html(text: string): string {
  const element = document.createElement("div");
  element.append(renderMarkdown(text));
  return element.innerHTML.trim();
}

describe("message text", () => {
  test("is Markdown", () => {
    expect(html("**bold** `code`")).toBe("<p><strong>bold</strong> <code>code</code></p>");
  });

  test("breaks lines where they were broken", () => {
    expect(html("a\nb")).toContain("<br>");
  });

  test.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<b onclick=x>bold</b>",
    '<a href="javascript:alert(1)">x</a>',
    "<style>*{}</style>",
    "<svg/onload=alert(1)>",
  ])("shows HTML as text: %s", (text) => {
    const element = document.createElement("div");
    element.append(renderMarkdown(text));
    expect(element.textContent.trim()).toBe(text);
    expect(element.querySelector("script, img, style, svg, b")).toBeNull();
  });

  test("links say that they are foreign, and lead to the web or to mail only", () => {
    expect(html("https://example.org")).toContain('rel="noopener nofollow ugc"');
    expect(html("[x](javascript:alert(1))")).not.toContain("javascript");
    expect(html("[x](data:text/html,1)")).not.toContain("data:");
  });

  test("pictures become links: nothing is loaded from elsewhere", () => {
    expect(html("![cat](https://example.org/cat.png)")).not.toContain("<img");
    expect(html("![cat](https://example.org/cat.png)")).toContain('href="https://example.org/cat.png"');
  });

  test("headings are no headings of the page", () => {
    expect(html("# big")).toBe("<p><strong>big</strong></p>");
  });

  test("mention tokens become chips, also at the start of a line", () => {
    expect(html(`<@${HER}> hi`)).toContain(`data-user="${HER}"`);
    expect(html("<!here> hi")).toContain('data-group="here"');
    expect(html("<!everybody> hi")).toContain("&lt;!everybody&gt;");
  });

  test("tokens in code stay code", () => {
    expect(html("`<!room>`")).toBe("<p><code>&lt;!room&gt;</code></p>");
  });
});
