// What was heard, or not heard, is not what wire.md says.

export class Deviation extends Error {}

/** The promise, or a deviation that says what was waited for. */
export async function within(time, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Deviation(`waited ${time / 1000} s for ${what}`)), time);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
