// What a new account has to accept, where the deployment has terms or a minimum age.
import { useState } from "preact/hooks";
import type { CommandError, Policy } from "../../store/failure";
import { Check } from "../check";

interface Terms {
  isAccepted: boolean;
  setAccepted: (isAccepted: boolean) => void;
  isOldEnough: boolean;
  setOldEnough: (isOldEnough: boolean) => void;
  /** What goes with the registration. */
  request: { accepts_terms: string | null; is_old_enough: boolean };
}

export function useTerms(policy: Policy): Terms {
  // Of a version: what was ticked does not count for the next one.
  const [accepted, setAcceptedVersion] = useState<string | null>(null);
  const [isOldEnough, setOldEnough] = useState(false);
  const isAccepted = accepted !== null && accepted === policy.terms_version;
  return {
    isAccepted,
    setAccepted: (isNow) => setAcceptedVersion(isNow ? policy.terms_version : null),
    isOldEnough,
    setOldEnough,
    request: { accepts_terms: isAccepted ? accepted : null, is_old_enough: isOldEnough },
  };
}

interface TermsAndAgeProps {
  policy: Policy;
  terms: Terms;
  error: CommandError | null;
}

export function TermsAndAge({ policy, terms, error }: TermsAndAgeProps) {
  return (
    <>
      {policy.terms_version !== null && (
        <Check
          isChecked={terms.isAccepted}
          onChange={terms.setAccepted}
          error={error?.problemOf("accepts_terms") && "The terms have changed meanwhile. Please read and accept them again."}
        >
          I accept the <TermsLink url={policy.terms_url} />
        </Check>
      )}
      {policy.minimum_age !== null && (
        <Check
          isChecked={terms.isOldEnough}
          onChange={terms.setOldEnough}
          error={error?.problemOf("is_old_enough") && `You must be at least ${policy.minimum_age}.`}
        >
          I am at least {policy.minimum_age} years old
        </Check>
      )}
    </>
  );
}

export function TermsLink({ url }: { url: string | null }) {
  if (url === null) return <>terms of use</>;
  return <a href={url} target="_blank" rel="noopener noreferrer">terms of use<span class="visually-hidden"> (opens in a new tab)</span></a>;
}
