// Before every test file: an IndexedDB in memory, and no storage left over from another test.
import "fake-indexeddb/auto";
import { beforeEach } from "vitest";

beforeEach(() => localStorage.clear());
