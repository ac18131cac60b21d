// What a person reads: errors, farewells, states and times in plain words.

const REFUSALS = {
  bad_request: "The server could not make sense of that.",
  unauthorized: "Your session is not valid any more. Please enter again.",
  expired: "Your session has ended. Please enter again.",
  forbidden: "You may not do that here.",
  muted: "You may not speak in this room at the moment.",
  banned: "You have been banned from this chat.",
  not_found: "There is nothing by that name here.",
  not_joined: "You are not in that room. Please join it again.",
  name_taken: "Somebody here has that name already. Please choose another.",
  name_invalid: "That name cannot be used. Please choose another: up to 64 characters, plain letters of one script.",
  too_large: "That is too long to send.",
  rate_limited: "That was a little fast. It goes on in a moment.",
  unavailable: "The chat cannot store anything right now. It is trying again.",
  draining: "This node is about to close. Another one takes over.",
  unreachable: "The server did not answer.",
};

const FAREWELLS = {
  kicked: "You were asked to leave this chat.",
  banned: REFUSALS.banned,
  replaced: "You came in from somewhere else, so this page let go.",
};

const STATES = {
  connecting: "Connecting…",
  connected: "Connected",
  reconnecting: "Reconnecting…",
  offline: "Offline",
};

const STATUSES = { waiting: "Waiting", sent: "Sent", stored: "Stored", failed: "Not sent" };

/** What one may say to a message without a word. */
export const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "🙏"];

export const DELETED = "This message was deleted.";

export const NO_NAME = "Please choose a name first.";
export const NO_BUNDLE =
  "The Socket.IO browser bundle is missing: this server was started without it. " +
  "Run “make run”, or “npm ci” in the project root, restart the server and load this page again.";

/** Our words for the codes we know; the server's own for the others. */
export function refusalText({ code, message }) {
  return REFUSALS[code] ?? `The server refused: ${message}`;
}

export function farewellText(reason) {
  return FAREWELLS[reason];
}

export function stateText(state) {
  return STATES[state];
}

export function statusText(status) {
  return STATUSES[status];
}

/** That something may be missing in these rooms; in none of them means that nothing is. */
export function newsText(missing, wasAway) {
  const news = missing.length === 0 ? "Nothing was missed." : `Some messages may be missing in ${missing.join(", ")}.`;
  return wasAway ? `Reconnected. ${news}` : news;
}

export function typingText(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is writing…`;
  return names.length === 2 ? `${names[0]} and ${names[1]} are writing…` : "Several people are writing…";
}

export function writeToText(name) {
  return `Write to ${name} alone`;
}

export function actionsText(name, text) {
  const [start, rest] = [text.slice(0, 40), text.length > 40];
  return `What to do with “${start}${rest ? "…" : ""}” of ${name}`;
}

export function reactText(emoji, own) {
  return own ? `Take ${emoji} back` : `Say ${emoji}`;
}

export function reactionText(emoji, count, own) {
  return `${emoji} ${count}${own ? ", with yours" : ""}`;
}

export function initial(name) {
  return (Array.from(name)[0] ?? "?").toUpperCase();
}

/** One of eight colours, the same for a person on every page. */
export function tone(user) {
  let hash = 0;
  for (const char of String(user)) hash = (hash * 31 + char.codePointAt(0)) % 9973;
  return `tone-${hash % 8}`;
}

/** Only the hour today, the day as well before that. */
export function timeText(ts) {
  const then = new Date(ts);
  return (then.toDateString() === new Date().toDateString() ? HOUR : DAY).format(then);
}

const HOUR = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
