// Keys for the inbox's list: from one alert to the next, to choose and to acknowledge, by what forms and links do without
// them. Single letters come, too, from who speaks to a machine or presses a key by mistake: so they can be turned off,
// this browser remembers it, they mean nothing in a field, and nothing is acknowledged that was not chosen before.
import { remember, remembered } from "./remembered.js";

const panel = document.getElementById("keys");
if (panel) {
  const list = document.getElementById("keys-list");
  const button = document.getElementById("keys-switch");
  const said = document.getElementById("keys-said");
  const many = document.getElementById("many");
  const items = [...document.querySelectorAll("#open-alerts > li")];
  let areOn = remembered("keys") !== "off";
  let at = -1;

  const say = () => { button.textContent = areOn ? "Keys are on: turn them off" : "Keys are off: turn them on"; };
  const here = () => {
    const within = items.findIndex((item) => item.contains(document.activeElement));
    return within < 0 ? at : within;
  };
  const go = (step) => {
    const to = here() + step;
    said.textContent = to < 0 ? "This is the first alert here." : to < items.length ? "" : "This is the last alert here.";
    at = Math.min(Math.max(to, 0), items.length - 1);
    items[at]?.querySelector("a").focus();
  };
  const choose = () => {
    const box = items[here()]?.querySelector("input[type=checkbox]");
    if (!box) {
      said.textContent = "You are at no alert yet: j goes to the first.";
      return;
    }
    box.checked = !box.checked;
    const chosen = items.filter((item) => item.querySelector("input:checked")).length;
    said.textContent = (box.checked ? "Chosen: " : "Chosen no more: ") + chosen + " in all.";
  };
  const acknowledge = () => {
    if (items.some((item) => item.querySelector("input:checked"))) {
      many.requestSubmit();
    } else {
      said.textContent = "Nothing is chosen: x chooses the alert you are at.";
    }
  };
  const explain = () => {
    list.open = !list.open;
    if (list.open) list.querySelector("summary").focus();
  };
  // Held down, a key may go on to the next alert; it does nothing else twice.
  const MOVES = { j: () => go(1), k: () => go(-1) };
  const DOES = many ? { x: choose, a: acknowledge, "?": explain } : { "?": explain };
  const FIELDS = "input:not([type=checkbox]), select, textarea, [contenteditable]";

  document.addEventListener("keydown", (event) => {
    const isOurs = areOn && !event.ctrlKey && !event.altKey && !event.metaKey && !event.isComposing;
    if (!isOurs || event.target.closest?.(FIELDS)) return;
    const key = event.key.toLowerCase();
    const meant = MOVES[key] || (event.repeat ? null : DOES[key]);
    if (!meant) return;
    event.preventDefault();
    meant();
  });
  button.addEventListener("click", () => {
    areOn = !areOn;
    remember("keys", areOn ? "on" : "off");
    said.textContent = "";
    say();
  });
  panel.hidden = false;
  say();
}
