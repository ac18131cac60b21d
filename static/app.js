// The chat page: what happens when a person does something, and when the server does.

import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { element, soon } from "./dom.js";
import { drawPeople, drawRooms } from "./lists.js";
import { Memory } from "./memory.js";
import { newCid, Outbox } from "./outbox.js";
import { Rooms } from "./rooms.js";
import * as screen from "./screen.js";
import { farewellText, NO_BUNDLE, NO_NAME, refusalText } from "./words.js";

let connection = null;
let me = null;

const memory = new Memory();
const outbox = new Outbox((event, body) => connection.request(event, body), changed);
const rooms = new Rooms(memory, { connection: () => connection, outbox, isOwn, changed, notJoined });
const conversation = new Conversation({ retry, discard });

function start() {
  element("name").value = memory.lastName;
  hearThePerson();
  screen.showEntry();
  if (window.io === undefined) return screen.closeTheDoor(NO_BUNDLE);
  connection = new Connection(window.io, memory, { state, ready, refused, farewell, message, presence });
  // A reload comes straight back in.
  if (memory.session && memory.name) comeBack(memory.name);
}

function hearThePerson() {
  onSubmit("entry-form", () => enter(element("name").value.trim()));
  onSubmit("join-form", () => open(taken("join-room").trim()));
  onSubmit("compose", speak);
  element("text").addEventListener("keydown", (event) => {
    // While an input method composes, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    speak();
  });
  element("room-list").addEventListener("click", ({ target }) => {
    const button = target.closest("[data-room]");
    if (button) show(rooms.get(button.dataset.room));
  });
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
  connection.open(name);
}

function comeBack(name) {
  screen.showMe({ name }, "");
  screen.showChat();
  show(rooms.restore(LOBBY));
  connection.open(name);
}

function exit() {
  connection.close();
  memory.name = null;
  rooms.clear();
  me = null;
  screen.showEntry();
  changed();
}

function open(name) {
  if (!name) return;
  const room = rooms.open(name);
  show(room);
  if (!room.joined) rooms.join(room);
}

function show(room) {
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

function speak() {
  const room = rooms.current;
  if (room === null || !element("text").value.trim()) return;
  const line = room.say(newCid(), taken("text").trimEnd(), { user: me?.id, name: me?.name ?? memory.name });
  outbox.add(room, line);
  changed();
}

function retry(line) {
  outbox.retry(rooms.current, line);
}

function discard(line) {
  rooms.current.unsay(line);
  changed();
}

function seen() {
  if (rooms.current === null || document.hidden) return;
  rooms.current.unread = 0;
  changed();
}

// What the server does

function state(name, trouble) {
  screen.showState(name);
  if (name !== "connected") rooms.part();
  if (trouble && screen.isAtTheDoor()) screen.showError(`${refusalText(trouble)} Still trying.`);
  changed();
}

function ready({ user, node, limits }) {
  me = user;
  outbox.longest = limits?.text ?? outbox.longest;
  screen.showMe(user, node);
  if (screen.isAtTheDoor()) {
    screen.showChat();
    show(rooms.restore(LOBBY));
  }
  rooms.joinAll();
}

function refused(refusal) {
  screen.showEntry(refusalText(refusal));
}

function farewell(reason) {
  screen.showEntry(farewellText(reason));
}

function message(message) {
  rooms.hear(message);
  changed();
}

function presence(change) {
  rooms.get(change.room)?.people.change(change);
  changed();
}

function notJoined(room, refusal) {
  if (rooms.get(room.name) !== room) show(rooms.current);
  screen.showError(`${room.name}: ${refusalText(refusal)}`);
}

// Both

const draw = soon(() => {
  drawRooms(rooms.all, rooms.current);
  drawPeople(rooms.current?.people, me?.id);
  conversation.draw(rooms.current);
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

const LOBBY = "lobby";

start();
