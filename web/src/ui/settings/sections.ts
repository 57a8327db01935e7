// The sections of the settings, in their order.
import type { FunctionComponent } from "preact";
import { AccountPage } from "./account_page";
import { AppearancePage } from "./appearance_page";
import { BotsPage } from "./bots_page";
import { DevicesPage } from "./devices_page";
import { PrivacyPage } from "./privacy_page";
import { ProfilePage } from "./profile_page";
import { SecurityPage } from "./security_page";

export interface Section {
  /** In the address, after `/settings/`. */
  path: string;
  title: string;
  icon: string;
  Page: FunctionComponent;
}

export const SECTIONS: readonly Section[] = [
  { path: "profile", title: "Profile", icon: "user", Page: ProfilePage },
  { path: "appearance", title: "Appearance", icon: "contrast", Page: AppearancePage },
  { path: "account", title: "E-mail and password", icon: "mail", Page: AccountPage },
  { path: "security", title: "Sign-in and security", icon: "shield", Page: SecurityPage },
  { path: "devices", title: "Devices", icon: "device", Page: DevicesPage },
  { path: "privacy", title: "Privacy", icon: "lock", Page: PrivacyPage },
  { path: "bots", title: "Bots and API tokens", icon: "bot", Page: BotsPage },
];
