import { t, type Key } from "../texts";
import { Icon, type IconName } from "../ui/Icon";
import { route, to, type Name } from "./router";

const tabs: { name: Name; text: Key; icon: IconName; holds: Name[] }[] = [
  { name: "today", text: "nav.today", icon: "sun", holds: ["today", "tallySaved", "card", "photos"] },
  { name: "households", text: "nav.households", icon: "houses", holds: ["households", "household", "saved"] },
  { name: "guides", text: "nav.guides", icon: "book", holds: ["guides", "guide"] },
  { name: "sync", text: "nav.sync", icon: "send", holds: ["sync", "refused"] },
];

export function Navigation() {
  return (
    <nav class="navigation" aria-label={t("nav.label")}>
      {tabs.map((tab) => (
        <a
          key={tab.name}
          href={to(tab.name)}
          class="navigation-tab"
          aria-current={tab.holds.includes(route.value.name) ? "page" : undefined}
        >
          <Icon name={tab.icon} />
          <span>{t(tab.text)}</span>
        </a>
      ))}
    </nav>
  );
}
