import { beforeEach, describe, expect, test, vi } from "vitest";
import { followVisibleHeight } from "../../src/ui/visible_height";

class FakeViewport extends EventTarget {
  constructor(public height: number, public scale = 1) {
    super();
  }

  become(height: number, scale = 1): string {
    [this.height, this.scale] = [height, scale];
    this.dispatchEvent(new Event("resize"));
    return document.documentElement.style.getPropertyValue("--visible-height");
  }
}

let viewport: FakeViewport;
const scrolled = vi.fn();

beforeEach(() => {
  vi.stubGlobal("innerHeight", 800);
  vi.stubGlobal("scrollTo", scrolled.mockClear());
  viewport = new FakeViewport(800);
  followVisibleHeight(viewport as unknown as VisualViewport);
});

describe("a keyboard that is laid over the page", () => {
  test("leaves the page what is above it, unscrolled, until it goes", () => {
    expect(viewport.become(460)).toBe("460px");
    expect(scrolled).toHaveBeenCalledWith(0, 0);
    expect(viewport.become(800)).toBe("");
  });

  test("is told from the browser's own bars", () => {
    expect(viewport.become(740)).toBe("");
  });

  test("is told from zooming in with two fingers, which moves nothing", () => {
    expect(viewport.become(400, 2)).toBe("");
    expect(scrolled).not.toHaveBeenCalled();
  });
});
