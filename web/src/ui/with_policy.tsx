// What depends on the deployment's policy is shown once that is there: a page that grows under the hand is worse than
// one that comes a moment later. It is kept between visits, so that only the first one waits.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { client } from "../store/client";

const WAIT_MS = 400;

export function WithPolicy({ children }: { children: ComponentChildren }) {
  const { policy, policyError } = client.registering;
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    client.registering.askPolicy();
    const timer = setTimeout(() => setLate(true), WAIT_MS);
    return () => clearTimeout(timer);
  }, []);
  const isSettled = policy.value !== null || policyError.value !== null;
  return isSettled || isLate ? <>{children}</> : null;
}
