// The little that all drawing shares: finding elements, stamping templates, keeping a list in step.

export function element(id) {
  return document.getElementById(id);
}

export function stamp(template) {
  return element(template).content.firstElementChild.cloneNode(true);
}

/**
 * Makes the children of `parent` match `items`: one element per `key(item)`, made by `make`, brought up to date by
 * `update(node, item, previousItem)`. What has not changed its place is not touched, so that focus stays and
 * screen readers hear of new elements only.
 */
export function keepInStep(parent, items, { key, make, update }) {
  const wanted = new Set(items.map((item) => String(key(item))));
  const nodes = new Map();
  for (const node of [...parent.children]) {
    if (wanted.has(node.dataset.key)) nodes.set(node.dataset.key, node);
    else node.remove();
  }
  let next = parent.firstElementChild;
  items.forEach((item, index) => {
    const node = nodes.get(String(key(item))) ?? make(item);
    node.dataset.key = key(item);
    update(node, item, items[index - 1]);
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
  });
}

/** Many changes, one drawing. A timer, not an animation frame: pages in the background draw too. */
export function soon(draw) {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      draw();
    }, 16);
  };
}
