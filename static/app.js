// The chat page: what happens when a person does something, and when the server does.

import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { element, soon } from "./dom.js";
import { Hubbub } from "./hubbub.js";
import { drawPeople, drawRooms } from "./lists.js";
import { Memory } from "./memory.js";
import { Past } from "./past.js";
import { Reunion } from "./reunion.js";
import { Rooms } from "./rooms.js";
import * as screen from "./screen.js";
import { Speech } from "./speech.js";
import { Typing } from "./typing.js";
import { farewellText, newsText, NO_BUNDLE, NO_NAME, refusalText, typingText } from "./words.js";

let me = null;
let [chat, rooms, past, speech, conversation, composer] = [];

const memory = new Memory();
const typing = new Typing(changed);
const reunion = new Reunion(told);

function start() {
  element("name").value = memory.lastName;
  onSubmit("entry-form", () => enter(element("name").value.trim()));
  screen.showEntry();
  if (window.io === undefined) return screen.closeTheDoor(NO_BUNDLE);
  const page = { isOwn, changed, refused: (room, refusal) => screen.showError(`${room.name}: ${refusalText(refusal)}`) };
  chat = new Hubbub(window.io, { name: memory.name ?? undefined, storage: memory.tab });
  past = new Past(chat, page);
  rooms = new Rooms(chat, memory, past, page);
  speech = new Speech(chat, rooms, page);
  hearTheServer();
  hearThePerson();
  // A reload comes straight back in.
  if (memory.name && chat.hasSession) comeBack(memory.name);
}

function hearTheServer() {
  chat
    .on("state", state)
    .on("ready", ready)
    .on("refused", (refusal) => goAway(refusalText(refusal)))
    .on("bye", ({ reason }) => goAway(farewellText(reason)))
    .on("joined", (stand) => rooms.joined(stand))
    .on("left", left)
    .on("message", message)
    .on("update", update)
    .on("presence", presence)
    .on("typing", (hint) => hint.user !== me?.id && typing.hear(hint))
    .on("recovered", ({ room }) => reunion.recovered(room))
    .on("missed", missed)
    .on("sent", (word) => speech.moved(word, "sent"))
    .on("held", (word) => speech.moved(word, "waiting"));
}

function hearThePerson() {
  conversation = new Conversation({
    older: () => rooms.current && past.older(rooms.current),
    mend: (line) => past.mend(rooms.current, line),
    retry: (line) => speech.retry(rooms.current, line),
    discard: (line) => speech.discard(rooms.current, line),
    react: (line, emoji) => speech.react(rooms.current, line, emoji),
    remove,
    edit: (line) => composer.edit(line),
  });
  composer = new Composer({
    say,
    edit: (line, text) => speech.edit(rooms.current, line, text),
    typing: (isOn) => rooms.current?.joined && chat.typing(rooms.current.id, isOn),
    lastOwn: () => rooms.current?.lastOwn,
  });
  onSubmit("join-form", () => open(taken("join-room").trim()));
  for (const list of ["room-list", "direct-list"]) onChoice(list, "key", (key) => show(rooms.shownAs(key)));
  onChoice("members", "user", (user, { name }) => show(rooms.openDirect({ user, name })));
  onClick("leave", leave);
  onClick("exit", exit);
  onClick("dismiss", () => screen.showError(""));
  onClick("show-rooms", () => screen.togglePanel("rooms"));
  onClick("show-people", () => screen.togglePanel("people"));
  document.addEventListener("keydown", ({ key }) => key === "Escape" && screen.closePanel());
  document.addEventListener("visibilitychange", seen);
}

// What a person does

function enter(name) {
  if (!name) return screen.showEntry(NO_NAME);
  screen.showError("");
  screen.waitAtTheDoor(true);
  memory.name = name;
  chat.open(name);
}

function comeBack(name) {
  screen.showMe({ name }, "");
  screen.showChat();
  show(rooms.restore(LOBBY));
  chat.open(name);
}

function exit() {
  chat.close();
  goAway("");
}

function open(name) {
  if (name) show(rooms.open(name));
}

function show(room) {
  composer.stop();
  if (rooms.current?.joined) chat.typing(rooms.current.id, false);
  rooms.current = room;
  screen.showPanel("none");
  screen.showError("");
  screen.showTitle(room, rooms.unread);
  seen();
  changed();
  screen.focusText();
}

function leave() {
  rooms.leave(rooms.current);
  show(rooms.current);
}

function say(text) {
  if (rooms.current) speech.say(rooms.current, text, { user: me?.id, name: me?.name ?? memory.name });
}

function remove(line) {
  // Its own button goes with it.
  element("messages").focus();
  speech.remove(rooms.current, line);
}

function seen() {
  if (!rooms.current || document.hidden) return;
  rooms.current.unread = 0;
  changed();
}

// What the server does

function state(name, refusal) {
  screen.showState(name);
  if (name === "reconnecting" && !refusal) {
    reunion.part(rooms.all.filter(({ joined }) => joined).map(({ id }) => id));
    screen.showNews("");
  }
  if (name !== "connected") rooms.part();
  if (refusal && screen.isAtTheDoor()) screen.showError(`${refusalText(refusal)} Still trying.`);
  changed();
}

function ready({ user, node }) {
  me = user;
  screen.showMe(user, node);
  if (!screen.isAtTheDoor()) return;
  screen.showChat();
  show(rooms.restore(LOBBY));
}

/** Back to the door, for a reason or because we want to. */
function goAway(reason) {
  memory.name = null;
  me = null;
  reunion.end();
  rooms.clear();
  screen.showNews("");
  screen.showEntry(reason);
  changed();
}

function message(message) {
  rooms.hear(message);
  typing.stop(message.room, message.user);
  if (conversation.isAtEnd) rooms.current?.shorten();
  changed();
}

function update(update) {
  rooms.change(update);
  changed();
}

function presence(change) {
  rooms.get(change.room)?.people.change(change);
  changed();
}

function missed({ room, from, to }) {
  rooms.get(room)?.miss(from, to);
  reunion.missed(room);
  changed();
}

function told(missing, wasAway) {
  const names = missing.map((id) => rooms.get(id)?.name ?? id);
  screen.showNews(newsText(names, wasAway), names.length > 0 ? "bad" : "good");
}

function left({ room, refusal }) {
  const wasShown = rooms.current?.id === room;
  reunion.left(room);
  rooms.left(room);
  if (wasShown) show(rooms.current);
  screen.showError(`${room}: ${refusalText(refusal)}`);
}

// Both

const draw = soon(() => {
  drawRooms(rooms.all, rooms.current);
  drawPeople(rooms.current, me);
  conversation.draw(rooms.current);
  screen.showTyping(typingText(typing.names(rooms.current?.id)));
  screen.showTitle(rooms.current, rooms.unread);
});

function changed() {
  draw();
}

function isOwn({ user }) {
  return me !== null && user === me.id;
}

/** What was typed there; the field is empty afterwards. */
function taken(field) {
  const { value } = element(field);
  element(field).value = "";
  return value;
}

function onSubmit(form, act) {
  element(form).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

function onClick(button, act) {
  element(button).addEventListener("click", act);
}

/** One of a list's buttons was chosen: the one with that `data-` attribute. */
function onChoice(list, attribute, act) {
  element(list).addEventListener("click", ({ target }) => {
    const button = target.closest(`[data-${attribute}]`);
    if (button?.tagName === "BUTTON") act(button.dataset[attribute], button.dataset);
  });
}

const LOBBY = "lobby";

start();
