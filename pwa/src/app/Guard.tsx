/** Catches what goes wrong while drawing a screen; drafts are on the disk already, so nothing is lost. */
import { Component, type ComponentChildren } from "preact";
import { t } from "../texts";
import { Icon } from "../ui/Icon";
import { to } from "./router";

interface State {
  error: unknown;
}

export class Guard extends Component<{ children: ComponentChildren }, State> {
  override state: State = { error: null };

  static override getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <main class="main page" id="main">
        <h1 class="title" tabIndex={-1}>
          {t("crash.title")}
        </h1>
        <p>{t("crash.text")}</p>
        <p class="code">{error instanceof Error ? `${error.name}: ${error.message}` : String(error)}</p>
        <div class="stack">
          <button type="button" class="button is-primary" onClick={() => location.reload()}>
            <Icon name="refresh" />
            {t("crash.reload")}
          </button>
          <a class="button" href={to("today")}>
            {t("crash.today")}
          </a>
        </div>
      </main>
    );
  }
}
