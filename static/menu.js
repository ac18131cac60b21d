// What can be done with a line: a menu below it, at most one at a time.

import { stamp } from "./dom.js";
import { EMOJI, reactText } from "./words.js";

export class Menu {
  #node = null;
  #button = null;
  #key = null;
  #acts;

  /** `acts` are `react(line, emoji)`, `edit(line)` and `remove(line)`. `lines` is the list in which the lines are. */
  constructor(lines, lineOf, acts) {
    this.#acts = acts;
    lines.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.#node) return;
      event.stopPropagation();
      this.close(true);
    });
    document.addEventListener("click", ({ target }) => {
      if (this.#node && !this.#node.contains(target) && !this.#button.contains(target)) this.close();
    });
    lines.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-menu]");
      if (button) this.#toggle(button, lineOf(button));
    });
  }

  close(backToButton = false) {
    if (!this.#node) return;
    this.#node.remove();
    this.#button.setAttribute("aria-expanded", "false");
    if (backToButton) this.#button.focus();
    this.#node = this.#key = null;
  }

  #toggle(button, line) {
    const again = this.#key === line.key;
    this.close();
    if (again) return;
    this.#node = this.#make(line);
    [this.#button, this.#key] = [button, line.key];
    button.setAttribute("aria-expanded", "true");
    button.closest(".said").append(this.#node);
    this.#node.scrollIntoView({ block: "nearest" });
    this.#node.querySelector("button").focus({ preventScroll: true });
  }

  #make(line) {
    const node = stamp("menu-template");
    const list = node.querySelector(".menu-emoji");
    for (const emoji of EMOJI) list.append(emojiButton(emoji, line));
    list.addEventListener("click", ({ target }) => this.#choose(target.dataset.emoji, () => this.#acts.react(line, target.dataset.emoji)));
    const [edit, remove] = ["edit", "remove"].map((name) => node.querySelector(`[data-action="${name}"]`));
    for (const button of [edit, remove]) button.hidden = !line.own;
    edit.addEventListener("click", () => {
      this.close();
      this.#acts.edit(line);
    });
    remove.addEventListener("click", () => this.#choose(isSure(remove), () => this.#acts.remove(line)));
    return node;
  }

  #choose(isChosen, act) {
    if (!isChosen) return;
    this.close(true);
    act();
  }
}

function emojiButton(emoji, line) {
  const button = stamp("emoji-template");
  button.textContent = button.dataset.emoji = emoji;
  button.setAttribute("aria-label", reactText(emoji, line.mine.has(emoji)));
  button.setAttribute("aria-pressed", String(line.mine.has(emoji)));
  return button;
}

/** Asks at the first time, and is sure at the second. */
function isSure(button) {
  if (button.dataset.asked) return true;
  button.dataset.asked = "true";
  button.textContent = "Delete for everyone?";
  return false;
}
