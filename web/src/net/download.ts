// Fetches a file that only its owner may have, into one that the person chooses, or among the browser's downloads.
import { CommandError, disconnected, fromBody } from "./errors";
import type { ErrorBody } from "./contract.gen";
import { saveBlob } from "./save_file";

type Picker = (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;

/**
 * To be called in a click: browsers ask where to save only then. Straight to the disk where they can, else through
 * memory. Returns false if the person would rather not. Raises CommandError.
 */
export async function download(path: string, name: string, getToken: () => Promise<string>): Promise<boolean> {
  const file = await chooseFile(name);
  if (file === "refused") return false;
  const response = await open(path, await getToken());
  try {
    if (file === "nowhere") saveBlob(name, await response.blob());
    else await response.body!.pipeTo(await file.createWritable());
  } catch {
    throw disconnected();
  }
  return true;
}

async function chooseFile(name: string): Promise<FileSystemFileHandle | "refused" | "nowhere"> {
  const { showSaveFilePicker } = window as { showSaveFilePicker?: Picker };
  if (!showSaveFilePicker) return "nowhere";
  try {
    return await showSaveFilePicker.call(window, { suggestedName: name });
  } catch (error) {
    return error instanceof DOMException && error.name === "AbortError" ? "refused" : "nowhere";
  }
}

async function open(path: string, token: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { Authorization: `Bearer ${token}` } });
  } catch {
    throw disconnected();
  }
  if (response.ok) return response;
  const body = (await response.json().catch(() => ({}))) as { error?: ErrorBody };
  throw body.error ? fromBody(body.error) : new CommandError("internal", `The server answered ${response.status}.`);
}
