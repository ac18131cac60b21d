// The conversation on screen: the lines of the current room, and where the reader is in them.

import { element, keepInStep } from "./dom.js";
import { drawLine, makeLine } from "./line.js";
import { Menu } from "./menu.js";

export class Conversation {
  #log = element("messages");
  #lines = element("lines");
  #jump = element("jump");
  #room = null;
  #first = null;
  #last = null;
  #atEnd = true;
  #menu;
  #acts;

  /** `acts` is what a person can do to the current room's lines: the names are those of `#do`, and `older()`. */
  constructor(acts) {
    this.#acts = acts;
    this.#menu = new Menu(this.#lines, (node) => this.#lineOf(node), acts);
    this.#lines.addEventListener("click", ({ target }) => this.#do(target));
    element("older").addEventListener("click", () => acts.older());
    this.#log.addEventListener("scroll", () => this.#scrolled());
    this.#jump.addEventListener("click", () => {
      this.toEnd();
      this.#log.focus();
    });
    // A phone's keyboard takes half of the log away: the last line stays in sight.
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(this.#log);
  }

  /** Whether the reader is where new lines appear. */
  get isAtEnd() {
    return this.#atEnd;
  }

  draw(room) {
    const turned = room !== this.#room;
    const following = turned || this.#isAtEnd();
    const lines = room?.lines ?? [];
    this.#room = room;
    // The past, or another room's, is not news: nobody wants it read out.
    this.#log.setAttribute("aria-live", turned || lines[0] !== this.#first ? "off" : "polite");
    if (turned) this.#clear();
    this.#first = lines[0];
    this.#keepPlace(() => {
      keepInStep(this.#lines, lines, { key: ({ key }) => key, make: makeLine, update: drawLine });
      this.#drawEdge(lines);
    });
    this.#follow(lines.at(-1), following);
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#atEnd = true;
    this.#jump.hidden = true;
  }

  #clear() {
    this.#menu.close();
    this.#lines.replaceChildren();
  }

  /** What is read stays where it is, whatever appears or grows above it. */
  #keepPlace(change) {
    const top = this.#log.getBoundingClientRect().top;
    const read = [...this.#lines.children].find((node) => node.getBoundingClientRect().bottom > top);
    const before = read?.getBoundingClientRect().top;
    change();
    if (read?.isConnected) this.#log.scrollTop += read.getBoundingClientRect().top - before;
  }

  /** Follows the conversation, unless the reader went back in it. */
  #follow(last, following) {
    const grew = last !== undefined && last !== this.#last;
    this.#last = last;
    if (following) return this.toEnd();
    if (!grew) return;
    if (last.own && last.status !== "stored") this.toEnd();
    else this.#jump.hidden = false;
  }

  #scrolled() {
    this.#atEnd = this.#isAtEnd();
    if (this.#atEnd) this.#jump.hidden = true;
    if (this.#log.scrollTop < NEAR) this.#acts.older();
  }

  #isAtEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
  }

  #do(target) {
    const { action, emoji } = target.closest("[data-action], [data-emoji]")?.dataset ?? {};
    const line = this.#lineOf(target);
    if (["retry", "discard", "mend"].includes(action)) this.#acts[action](line);
    if (emoji && target.closest(".reactions")) this.#acts.react(line, emoji);
  }

  #lineOf(node) {
    const { key } = node.closest("#lines > li")?.dataset ?? {};
    return this.#room?.lines.find((line) => line.key === key);
  }

  /** What is before the first line. */
  #drawEdge(lines) {
    const { hasMore = false, isReading = false } = this.#room ?? {};
    element("older").hidden = !hasMore;
    element("older").setAttribute("aria-disabled", String(isReading));
    element("older").textContent = isReading ? "Reading…" : "Older messages";
    element("nothing").hidden = lines.length > 0;
    element("nothing").textContent = emptyText(this.#room);
  }
}

function emptyText(room) {
  if (room === null) return "You are in no room. Join one to talk.";
  if (room.isReading || !room.joined && room.id !== null) return "One moment…";
  return room.isDirect ? `Only you and ${room.name} can read what is said here.` : "Nothing has been said here yet. Be the first.";
}

/** Pixels from an end that still count as being there. */
const NEAR = 80;
