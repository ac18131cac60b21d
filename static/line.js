// One line of the conversation, as it is drawn.

import { keepInStep, stamp } from "./dom.js";
import { actionsText, DELETED, EMOJI, initial, reactionText, refusalText, statusText, timeText, tone } from "./words.js";

export function makeLine({ hole }) {
  return stamp(hole ? "hole-template" : "message-template");
}

export function drawLine(node, line, before) {
  if (line.hole) return drawHole(node, line.hole);
  const part = (name) => node.querySelector(name);
  const continued = !line.deleted && before?.user === line.user && !before.hole && line.ts - before.ts < TOGETHER;
  node.className = `line ${line.own ? "own" : "other"} ${line.status} ${tone(line.user)}`;
  node.classList.toggle("continued", continued);
  node.classList.toggle("deleted", line.deleted);
  Object.assign(node.dataset, { own: line.own, status: line.status, cid: line.cid ?? "", seq: line.seq ?? "", epoch: line.epoch ?? "" });
  part(".avatar").dataset.initial = initial(line.name ?? "");
  write(part(".author"), line.name ?? "");
  write(part(".text"), line.deleted ? DELETED : line.text);
  write(part(".status"), line.own ? statusText(line.status) : "");
  part(".edited").hidden = !line.edited || line.deleted;
  drawTime(part("time"), line.ts);
  drawMenuButton(part(".menu-button"), line);
  drawReactions(part(".reactions"), line);
  drawFailure(part(".said"), line);
}

function drawHole(node, { isLasting }) {
  write(node.querySelector(".hole-text"), isLasting ? "Some messages are not kept any more" : "Some messages may be missing here");
  node.querySelector("button").hidden = isLasting;
}

function drawTime(node, ts) {
  node.hidden = ts === undefined;
  if (node.hidden) return;
  write(node, timeText(ts));
  node.dateTime = new Date(ts).toISOString();
}

function drawMenuButton(button, { name, text, status, deleted }) {
  button.hidden = deleted || status !== "stored";
  button.setAttribute("aria-label", actionsText(name ?? "", text));
}

function drawReactions(list, { reactions, mine }) {
  const said = Object.entries(reactions).filter(([, count]) => count > 0).sort(([one], [other]) => place(one) - place(other));
  const shown = said.map(([emoji, count]) => ({ emoji, count, own: mine.has(emoji) }));
  list.hidden = shown.length === 0;
  keepInStep(list, shown, { key: ({ emoji }) => emoji, make: () => stamp("reaction-template"), update: drawReaction });
}

/** Ours in their order, others behind them. */
function place(emoji) {
  return EMOJI.includes(emoji) ? EMOJI.indexOf(emoji) : EMOJI.length;
}

function drawReaction(node, { emoji, count, own }) {
  const button = node.firstElementChild;
  button.dataset.emoji = emoji;
  write(button, `${emoji} ${count}`);
  button.setAttribute("aria-label", reactionText(emoji, count, own));
  button.setAttribute("aria-pressed", String(own));
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

/** Lines of one person within this time share one heading. */
const TOGETHER = 5 * 60 * 1000;
