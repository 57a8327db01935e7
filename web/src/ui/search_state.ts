// A search as one types: waits for a pause, drops answers that were overtaken.
import { useEffect, useState } from "preact/hooks";
import { asCommandError, type CommandError } from "../store/failure";

const PAUSE_MS = 200;

export interface Search<T> {
  query: string;
  setQuery: (query: string) => void;
  /** Null until the first answer. */
  results: T[] | null;
  error: CommandError | null;
}

export function useSearch<T>(find: (query: string) => Promise<T[]>): Search<T> {
  const [query, setQuery] = useState("");
  const [results, setResults] = useState<T[] | null>(null);
  const [error, setError] = useState<CommandError | null>(null);
  useEffect(() => {
    let isCurrent = true;
    const timer = setTimeout(
      () =>
        void find(query.trim()).then(
          (found) => {
            if (!isCurrent) return;
            setResults(found);
            setError(null);
          },
          (thrown: unknown) => isCurrent && setError(asCommandError(thrown)),
        ),
      results === null ? 0 : PAUSE_MS,
    );
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [query]);
  return { query, setQuery, results, error };
}
