// The page around the conversation: entering, the connection's state, errors, and the panels of a small screen.

import { element } from "./dom.js";
import { stateText } from "./words.js";

const chat = element("chat");
const entry = element("entry");
const error = element("error");

export function showEntry(problem = "") {
  chat.hidden = true;
  entry.hidden = false;
  element("entry-error").append(error);
  showError(problem);
  waitAtTheDoor(false);
  element("name").focus();
}

export function showChat() {
  if (entry.hidden) return;
  entry.hidden = true;
  chat.hidden = false;
  showError("");
  element("chat-error").prepend(error);
}

/** The bundle is missing: there is nothing to enter, and the reason stays. */
export function closeTheDoor(reason) {
  showError(reason);
  element("name").disabled = true;
  element("enter").disabled = true;
}

/** While the server has not let us in yet. */
export function waitAtTheDoor(waiting) {
  element("enter").disabled = waiting;
  element("enter").textContent = waiting ? "Connecting…" : "Enter";
}

export function isAtTheDoor() {
  return !entry.hidden;
}

/** Says what is wrong, at the name or above the conversation; an empty text says that nothing is. */
export function showError(text) {
  error.textContent = text;
  element("chat-error").hidden = text === "" || chat.hidden;
  element("name").setAttribute("aria-invalid", String(text !== "" && chat.hidden));
}

/** What one should know and can go on without knowing; it stays until there is other news, or for a while. */
export function showNews(text, tone = "good") {
  clearTimeout(newsTimer);
  element("news").textContent = text;
  element("news").dataset.tone = tone;
  if (text) newsTimer = setTimeout(() => showNews(""), NEWS_TIME);
}

export function showTyping(text) {
  if (element("typing").textContent !== text) element("typing").textContent = text;
}

export function showState(state) {
  element("state").dataset.state = state;
  element("state").textContent = stateText(state);
  chat.dataset.link = state;
}

export function showMe({ name }, node) {
  element("me").textContent = name;
  element("node").textContent = node;
  element("node").title = node;
  element("node-label").hidden = !node;
}

export function showTitle(room, unread) {
  const name = room?.name ?? "No room";
  document.title = `${unread > 0 ? `(${unread}) ` : ""}${entry.hidden ? `${name} · ` : ""}Hubbub`;
  element("room-title").textContent = name;
  element("messages").setAttribute("aria-label", room ? `Messages in ${name}` : "Messages");
  for (const id of ["compose", "leave"]) element(id).hidden = room === null;
  element("leave-text").textContent = room?.isDirect ? "Close" : "Leave";
  element("leave-rest").hidden = room?.isDirect ?? false;
}

/** On a small screen a panel takes the conversation's place; `none` brings the conversation back. */
export function showPanel(panel) {
  chat.dataset.panel = panel;
  for (const name of PANELS) element(`show-${name}`).setAttribute("aria-expanded", String(name === panel));
}

export function togglePanel(panel) {
  if (chat.dataset.panel === panel) return closePanel();
  showPanel(panel);
  element(panel === "rooms" ? "join-room" : "people").focus();
}

export function closePanel() {
  const { panel } = chat.dataset;
  showPanel("none");
  if (panel !== "none") element(`show-${panel}`).focus();
}

/** Where typing goes next; on a touch screen that would raise the keyboard over what was just opened. */
export function focusText() {
  const text = element("text");
  (matchMedia("(pointer: fine)").matches && !element("compose").hidden ? text : element("room-title")).focus();
}

let newsTimer;
const NEWS_TIME = 15_000;
const PANELS = ["rooms", "people"];
