import { describe, expect, test } from "vitest";
import { buildRequest } from "../../src/net/http_request";
import { uuidv7 } from "../../src/net/uuid";

describe("what goes over the wire", () => {
  test("ids in the path are not repeated in the body", () => {
    expect(buildRequest("messages.edit", { room_id: "r", message_id: "m", text: "x" })).toEqual({
      method: "PATCH",
      url: "/api/v1/rooms/r/messages/m",
      body: '{"text":"x"}',
    });
  });

  test("a GET puts the rest in the query and leaves out what is absent", () => {
    expect(buildRequest("messages.list", { room_id: "r", before_seq: 5, after_seq: null, limit: 50 }).url).toBe(
      "/api/v1/rooms/r/messages?before_seq=5&limit=50",
    );
    expect(buildRequest("users.get", { ids: ["a", "b"] }).url).toBe("/api/v1/users?ids=a%2Cb");
  });

  test("a message id is a UUIDv7 of its moment, in lower case", () => {
    const id = uuidv7(0x0123456789ab);
    expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("ids made later sort later", () => {
    const ids = [uuidv7(1_000), uuidv7(1_000), uuidv7(1_000), uuidv7(2_000)];
    expect([...ids].sort()).toEqual(ids);
  });
});
