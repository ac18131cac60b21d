// The field in which we write: something new, or another text for what we have said.

import { element } from "./dom.js";
import { focusText } from "./screen.js";

export class Composer {
  #field = element("text");
  #line = null;
  #page;

  /** `page` hears `say(text)`, `edit(line, text)` and `typing(isOn)`, and knows `lastOwn()`. */
  constructor(page) {
    this.#page = page;
    element("compose").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    element("stop-editing").addEventListener("click", () => this.#cancel());
    this.#field.addEventListener("input", () => this.#page.typing(this.#field.value.trim() !== ""));
    this.#field.addEventListener("keydown", (event) => this.#press(event));
  }

  /** Takes the text of a line into the field. */
  edit(line) {
    this.#begin(line, line.text);
    this.#field.focus();
    this.#field.setSelectionRange(line.text.length, line.text.length);
  }

  /** Lets go of a line that is being edited, as when another room is shown. */
  stop() {
    if (this.#line) this.#begin(null, "");
  }

  #press(event) {
    // While an input method composes, its keys are its own.
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.#line) {
      event.stopPropagation();
      this.#cancel();
    } else if (event.key === "ArrowUp" && this.#field.value === "" && this.#page.lastOwn()) {
      event.preventDefault();
      this.edit(this.#page.lastOwn());
    }
  }

  #submit() {
    const [text, line] = [this.#field.value.trimEnd(), this.#line];
    if (!text.trim()) return;
    this.#begin(null, "");
    this.#page.typing(false);
    if (line === null) this.#page.say(text);
    else if (line.text !== text) this.#page.edit(line, text);
  }

  #cancel() {
    this.#begin(null, "");
    this.#page.typing(false);
    focusText();
  }

  #begin(line, text) {
    this.#line = line;
    this.#field.value = text;
    element("editing").hidden = line === null;
    element("send").textContent = line === null ? "Send" : "Save";
  }
}
