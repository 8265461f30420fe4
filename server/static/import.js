// @ts-check
/**
 * Says that a file is too large before it is sent for nothing, and sends each form once however often its button
 * is pressed. Without this script the server says the first, and an import written twice adds nothing.
 */

const file = /** @type {HTMLInputElement | null} */ (document.querySelector("input[type=file][data-most]"));
const said = document.querySelector("#file-large");
/** @type {Set<EventTarget | null>} */
const sent = new Set();

function judge() {
  if (!file || !(said instanceof HTMLElement)) return;
  const large = (file.files?.[0]?.size ?? 0) > Number(file.dataset.most);
  said.hidden = !large;
  file.setCustomValidity(large ? (said.textContent ?? "") : "");
}

file?.addEventListener("change", judge);
document.querySelector("main")?.addEventListener("submit", (event) => {
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
});
addEventListener("pageshow", () => sent.clear()); // come back to with the browser's own button
