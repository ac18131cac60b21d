// The conversation on screen: the lines of the current room, and where the reader is in them.

import { element, keepInStep, stamp } from "./dom.js";
import { initial, refusalText, statusText, timeText, tone } from "./words.js";

export class Conversation {
  #log = element("messages");
  #lines = element("lines");
  #jump = element("jump");
  #nothing = element("nothing");
  #room = null;
  #last = null;
  #atEnd = true;

  /** `retry(line)` and `discard(line)` are what can be done about a line that was not sent. */
  constructor({ retry, discard }) {
    this.#lines.addEventListener("click", ({ target }) => {
      const action = { retry, discard }[target.dataset.action];
      const line = action && this.#room.lines.find(({ key }) => key === target.closest("li").dataset.key);
      if (line) action(line);
    });
    this.#log.addEventListener("scroll", () => {
      this.#atEnd = this.#isAtEnd();
      if (this.#atEnd) this.#jump.hidden = true;
    });
    this.#jump.addEventListener("click", () => {
      this.toEnd();
      this.#log.focus();
    });
    // A phone's keyboard takes half of the log away: the last line stays in sight.
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(this.#log);
  }

  draw(room) {
    const turned = room !== this.#room;
    const following = turned || this.#isAtEnd();
    this.#room = room;
    // Another room's past is not news: nobody wants it read out.
    this.#log.setAttribute("aria-live", turned ? "off" : "polite");
    if (turned) this.#lines.replaceChildren();
    const lines = room?.lines ?? [];
    keepInStep(this.#lines, lines, { key: ({ key }) => key, make: () => stamp("message-template"), update: drawLine });
    this.#sayIfEmpty(lines);
    this.#follow(lines.at(-1), following);
  }

  toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#atEnd = true;
    this.#jump.hidden = true;
  }

  /** Follows the conversation, unless the reader went back in it. */
  #follow(last, following) {
    const grew = last !== undefined && last !== this.#last;
    this.#last = last;
    if (following) return this.toEnd();
    if (!grew) return;
    if (last.own && last.status === "pending") this.toEnd();
    else this.#jump.hidden = false;
  }

  #isAtEnd() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
  }

  #sayIfEmpty(lines) {
    this.#nothing.hidden = lines.length > 0;
    this.#nothing.textContent = emptyText(this.#room);
  }
}

function emptyText(room) {
  if (room === null) return "You are in no room. Join one to talk.";
  return room.joined ? "Nothing has been said here yet. Be the first." : "Joining…";
}

function drawLine(node, line, before) {
  const part = (name) => node.querySelector(name);
  const continued = !line.hole && before?.user === line.user && line.ts - before.ts < TOGETHER;
  node.className = `line ${line.own ? "own" : "other"} ${line.status} ${tone(line.user)}`;
  node.classList.toggle("continued", continued);
  Object.assign(node.dataset, { own: line.own, status: line.status, cid: line.cid ?? "", seq: line.seq ?? "", epoch: line.epoch ?? "" });
  if (line.hole && !part(".hole")) node.prepend(stamp("hole-template"));
  part(".avatar").dataset.initial = initial(line.name);
  write(part(".author"), line.name);
  write(part(".text"), line.text);
  write(part(".status"), line.own ? statusText(line.status) : "");
  drawTime(part("time"), line.ts);
  drawFailure(part(".said"), line);
}

function drawTime(node, ts) {
  write(node, timeText(ts));
  node.dateTime = new Date(ts).toISOString();
}

function drawFailure(node, { refusal }) {
  const shown = node.querySelector(".failure");
  if (refusal === null) return shown?.remove();
  if (!shown) node.append(stamp("failure-template"));
  write(node.querySelector(".failure-reason"), `Not sent. ${refusalText(refusal)}`);
}

/** Untouched where it is the same: an assignment would rebuild the text, and lose a selection in it. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Pixels from the end that still count as being there. */
const NEAR = 80;
/** Lines of one person within this time share one heading. */
const TOGETHER = 5 * 60 * 1000;
