// What we have accepted of this server's terms, exports of all that it knows of us, and the end of our account.
// Each method raises CommandError.
import type { ServerApi } from "../../net/api";
import type { Consents, DueConsent, EraseMe, Export } from "../../net/contract.gen";
import { download } from "../../net/download";
import type { Farewell } from "../farewell";
import { Resource } from "./resource";

export class PrivacyStore {
  readonly consents: Resource<Consents>;
  /** The newest first. */
  readonly exports: Resource<Export[]>;
  /** One has just become ready. */
  onReady: () => void = () => {};

  constructor(
    private readonly api: ServerApi,
    private readonly farewell: Farewell,
  ) {
    this.consents = new Resource(() => api.call("consents.list", {}));
    this.exports = new Resource(async () => (await api.call("privacy.list_exports", {})).exports);
  }

  async accept(kind: DueConsent["kind"], version: string): Promise<void> {
    this.consents.take(await this.api.call("consents.accept", { kind, version }));
  }

  async requestExport(): Promise<void> {
    await this.api.call("privacy.request_export", {});
    await this.exports.load();
  }

  /** Told by the server, whenever. */
  onExport(ready: Export): void {
    const held = this.exports.value.peek();
    if (held === null) return;
    this.exports.take([ready, ...held.filter(({ id }) => id !== ready.id)].sort(byRequest));
    this.onReady();
  }

  /** To be called in a click. Returns false if the person would rather not. */
  downloadExport({ id, requested_at }: Export): Promise<boolean> {
    const name = `chatcraft-export-${requested_at.slice(0, 10)}.zip`;
    return download(`/files/exports/${id}`, name, () => this.api.session.fresh());
  }

  async deleteExport(exportId: string): Promise<void> {
    await this.api.call("privacy.delete_export", { export_id: exportId });
    await this.exports.load();
  }

  /** At once and for good: we are signed out everywhere, and the receipt is all that is left. */
  async erase(messages: EraseMe["messages"]): Promise<void> {
    await this.farewell.take(await this.api.call("privacy.erase_me", { messages }));
  }

  clear(): void {
    this.consents.clear();
    this.exports.clear();
  }
}

function byRequest(a: Export, b: Export): number {
  return b.requested_at.localeCompare(a.requested_at);
}
