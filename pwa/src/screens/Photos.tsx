/** Photos of the team's events: first those in the picture are told, then it is taken; what became of each. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ScreenProps } from "../app/App";
import { Screen } from "../app/Screen";
import { shortDay } from "../app/time";
import { catalog, now, openPhotos, SaveError, session, type Receipt } from "../data";
import type { PhotoRow, Photos as Data, TeamPhoto } from "../data/photos";
import { address, shrink, Unreadable, type Picture } from "../data/picture";
import { t, tOr } from "../texts";
import { Choice, Problem } from "../ui/Choices";
import { Field } from "../ui/Field";
import { Icon } from "../ui/Icon";
import { ReceiptLine } from "../ui/Receipt";

export function Photos(_: ScreenProps) {
  const data = useSignal<Data | null>(null);
  useEffect(() => void openPhotos().then((opened) => (data.value = opened), () => undefined), []);
  const photos = data.value;
  const mayRecord = session.value?.may?.includes("record-visits") ?? true;
  return (
    <Screen title={t("photos.title")}>
      <p class="hint">{t("photos.what")}</p>
      {photos && mayRecord ? <Taking photos={photos} /> : null}
      {photos ? <Mine photos={photos} /> : <p class="loading">{t("app.loading")}</p>}
      {photos ? <Team photos={photos} /> : null}
    </Screen>
  );
}

function Taking({ photos }: { photos: Data }) {
  const told = useSignal(false);
  const picture = useSignal<Picture | null>(null);
  const state = useSignal<"" | "preparing" | "saved">("");
  const wrong = useSignal("");
  const room = useSignal<"enough" | "little" | "none">("enough");
  useSignalEffect(() => {
    void photos.rows.value; // each photo takes room
    void photos.room().then((found) => (room.value = found));
  });
  const take = async (input: HTMLInputElement) => {
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    state.value = "preparing";
    wrong.value = "";
    try {
      picture.value = await shrink(file);
    } catch (error) {
      wrong.value = t(error instanceof Unreadable ? "photos.wrong.unreadable" : "photos.wrong.other");
    }
    state.value = "";
  };
  const save = async (caption: string) => {
    if (!picture.value) return;
    wrong.value = "";
    try {
      await photos.save(picture.value, caption, { version: currentNotice(), at: now() });
      picture.value = null;
      told.value = false; // those in the next picture are others
      state.value = "saved";
    } catch (error) {
      wrong.value = tOr(`photos.wrong.${error instanceof SaveError ? error.code : ""}`, "photos.wrong.other");
    }
  };
  return (
    <section class="stack" aria-labelledby="new">
      <h2 id="new">{t("photos.new")}</h2>
      {room.value === "enough" ? null : <Problem kind="wait">{t(`photos.room.${room.value}`)}</Problem>}
      {room.value === "none" ? null : picture.value ? (
        <Preview picture={picture.value} save={save} drop={() => (picture.value = null)} />
      ) : (
        <>
          <Choice type="checkbox" name="told" option={{ value: "told", label: t("photos.told"), icon: "person" }} checked={told.value} onChange={(ticked) => (told.value = ticked)} />
          <Picker enabled={told.value} take={take} />
        </>
      )}
      <div role="status">
        {state.value === "preparing" ? <p>{t("photos.preparing")}</p> : state.value === "saved" ? <p>{t("photos.saved")}</p> : null}
      </div>
      <div role="alert">{wrong.value ? <Problem>{wrong.value}</Problem> : null}</div>
    </section>
  );
}

/** Of the notice to residents, which says what is kept and for how long. */
const currentNotice = () => catalog.value?.consents.find((one) => one.current)?.key ?? "unknown";

function Picker({ enabled, take }: { enabled: boolean; take: (input: HTMLInputElement) => Promise<void> }) {
  return (
    <div>
      <label class="button is-primary is-wide picker">
        <Icon name="camera" />
        {t("photos.choose")}
        <input class="visually-hidden" type="file" accept="image/*" disabled={!enabled} aria-describedby="first" onChange={(event) => void take(event.currentTarget)} />
      </label>
      <p class="hint" id="first">
        {enabled ? "" : t("photos.choose.first")}
      </p>
    </div>
  );
}

function Preview({ picture, save, drop }: { picture: Picture; save: (caption: string) => Promise<void>; drop: () => void }) {
  const caption = useSignal("");
  const saving = useSignal(false);
  const press = async () => {
    saving.value = true;
    await save(caption.value);
    saving.value = false;
  };
  return (
    <div class="stack">
      <img class="photo" src={address(picture.image)} alt={t("photos.preview")} width={picture.width} height={picture.height} />
      <p class="hint">{t("photos.clean")}</p>
      <Field label={t("photos.caption")} hint={t("photos.caption.hint")} value={caption.value} maxLength={300} guarded onInput={(value) => (caption.value = value)} />
      <div class="buttons">
        <button type="button" class="button is-primary" disabled={saving.value} onClick={() => void press()}>
          {t("photos.save")}
        </button>
        <button type="button" class="button" onClick={drop}>
          {t("photos.again")}
        </button>
      </div>
    </div>
  );
}

function Mine({ photos }: { photos: Data }) {
  const rows = photos.rows.value;
  const waiting = rows.filter((row) => row.state === "waiting").length;
  const held = photos.dear.value && !photos.anywhere.value;
  return (
    <section class="stack" aria-labelledby="mine">
      <h2 id="mine">{t("photos.mine")}</h2>
      <p role="status">{waiting ? t(held ? "photos.held" : "photos.waiting", { n: waiting }) : ""}</p>
      <Choice
        type="checkbox"
        name="anywhere"
        option={{ value: "anywhere", label: t("photos.anywhere"), hint: t("photos.anywhere.hint"), icon: "device" }}
        checked={photos.anywhere.value}
        onChange={(allowed) => void photos.allowAnywhere(allowed)}
      />
      {rows.length ? null : <p class="hint">{t("photos.mine.none")}</p>}
      <ul class="cards">
        {rows.map((row) => (
          <Row key={row.id} row={row} photos={photos} />
        ))}
      </ul>
    </section>
  );
}

const altOf = ({ taken, caption }: { taken: string; caption: string }): string =>
  t(caption ? "photos.alt" : "photos.alt.none", { day: shortDay(taken), caption });

function Row({ row, photos }: { row: PhotoRow; photos: Data }) {
  return (
    <li class="card stack" data-testid="photo" data-state={row.state}>
      <img class="photo-thumb" src={address(row.thumb)} alt={altOf(row)} />
      {row.caption ? <p>{row.caption}</p> : null}
      {row.state === "lost" ? <Problem>{t("photos.lost")}</Problem> : <ReceiptLine receipt={row.receipt as Receipt} />}
      {row.receipt.outcome ? <p class="note">{row.receipt.outcome.message}</p> : null}
      <Discard name={altOf(row)} discard={() => photos.discard(row.id)} />
    </li>
  );
}

function Discard({ name, discard }: { name: string; discard: () => Promise<void> }) {
  const asking = useSignal(false);
  const failed = useSignal(false);
  const press = async () => {
    failed.value = await discard().then(
      () => false,
      () => true,
    );
    asking.value = false;
  };
  return (
    <>
      <div role="alert">{failed.value ? <Problem>{t("photos.discard.offline")}</Problem> : null}</div>
      {asking.value ? (
        <div class="buttons">
          <p>{t("photos.discard.sure")}</p>
          <button type="button" class="button is-bad" onClick={() => void press()}>
            {t("photos.discard")}
          </button>
          <button type="button" class="button" onClick={() => (asking.value = false)}>
            {t("action.cancel")}
          </button>
        </div>
      ) : (
        <button type="button" class="button is-small" aria-label={`${t("photos.discard")}: ${name}`} onClick={() => (asking.value = true)}>
          {t("photos.discard")}
        </button>
      )}
    </>
  );
}

/** What the others have sent: a list, and each picture when it is asked for. */
function Team({ photos }: { photos: Data }) {
  const rows = useSignal<TeamPhoto[] | null>(null);
  const next = useSignal("");
  const failed = useSignal(false);
  const fetch = async () => {
    try {
      const page = await photos.team(next.value);
      rows.value = [...(rows.value ?? []), ...page.photos];
      next.value = page.next ?? "";
      failed.value = false;
    } catch {
      failed.value = true;
    }
  };
  return (
    <section class="stack" aria-labelledby="team">
      <h2 id="team">{t("photos.team")}</h2>
      <div role="alert">{failed.value ? <Problem kind="wait">{t("photos.team.offline")}</Problem> : null}</div>
      {rows.value?.length === 0 ? <p class="hint">{t("photos.team.none")}</p> : null}
      <ul class="cards">
        {rows.value?.map((row) => (
          <TeamRow key={row.id} row={row} photos={photos} />
        ))}
      </ul>
      {rows.value === null || next.value ? (
        <button type="button" class="button is-wide" onClick={() => void fetch()}>
          {t(rows.value === null ? "photos.team.open" : "photos.team.more")}
        </button>
      ) : null}
    </section>
  );
}

function TeamRow({ row, photos }: { row: TeamPhoto; photos: Data }) {
  const image = useSignal("");
  const failed = useSignal(false);
  const show = async () => {
    failed.value = false;
    image.value = await photos.teamPicture(row.id).catch(() => ((failed.value = true), ""));
  };
  return (
    <li class="card stack" data-testid="team-photo">
      {image.value ? <img class="photo" src={address(image.value)} alt={altOf(row)} /> : null}
      <p>{row.caption || altOf(row)}</p>
      <p class="hint">
        {shortDay(row.taken)} · {row.who}
      </p>
      <div role="alert">{failed.value ? <Problem kind="wait">{t("photos.team.offline")}</Problem> : null}</div>
      {image.value ? null : (
        <button type="button" class="button is-small" aria-label={t("photos.team.show.one", { alt: altOf(row) })} onClick={() => void show()}>
          <Icon name="eye" />
          {t("photos.team.show")}
        </button>
      )}
    </li>
  );
}
