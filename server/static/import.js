// @ts-check
/** Says that a file is too large before it is sent for nothing; without this script the server says so. */

const file = /** @type {HTMLInputElement | null} */ (document.querySelector("input[type=file][data-most]"));
const said = document.querySelector("#file-large");

function judge() {
  if (!file || !(said instanceof HTMLElement)) return;
  const large = (file.files?.[0]?.size ?? 0) > Number(file.dataset.most);
  said.hidden = !large;
  file.setCustomValidity(large ? (said.textContent ?? "") : "");
}

file?.addEventListener("change", judge);
