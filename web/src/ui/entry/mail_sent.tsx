// A mail is on its way.
import { Icon } from "../icon";

export function MailSent({ to, text }: { to: string; text: string }) {
  return (
    <div class="mail-sent">
      <Icon name="mail" size={24} />
      <p><strong dir="auto">{to}</strong></p>
      <p>{text}</p>
      <p class="field-hint">Nothing there? Look among the unwanted mail too; it can take a few minutes.</p>
    </div>
  );
}
