// The product's own page, by the hooks that it has for tests.

import { eventually, newPage } from "./chromium.mjs";

export const hook = (name) => `[data-testid="${name}"]`;

export async function enter(browser, node, name, options) {
  const page = await newPage(browser, options);
  await page.goto(node);
  await page.fill(hook("name"), name);
  await page.click(hook("enter"));
  await connected(page);
  return page;
}

export function connected(page) {
  return page.waitForSelector(`${hook("state")}[data-state="connected"]`);
}

export async function say(page, text) {
  await page.fill(hook("text"), text);
  await page.press(hook("text"), "Enter");
}

/** In whatever order: everyone sees themselves first. */
export function people(page, ...names) {
  const look = async () => (await page.locator(`${hook("member")} .member-name`).allTextContents()).sort();
  return eventually(`the people to be ${names}`, look, (seen) => seen.join() === [...names].sort().join());
}

export function texts(page) {
  return page.locator(`${hook("message")} .text`).allTextContents();
}

/** The last line with that text. */
export function line(page, text) {
  return page.locator(hook("message"), { has: page.locator(".text", { hasText: text }) }).last();
}

/** Opens the menu of that line by keyboard alone. */
export async function openMenu(page, text) {
  await line(page, text).locator(hook("menu")).focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(hook("menu-open"));
}

export async function join(page, room) {
  await page.fill(hook("join-room"), room);
  await page.press(hook("join-room"), "Enter");
  await eventually(`to be in ${room}`, () => page.locator("#room-title").textContent(), (title) => title === room);
}

export function isTold(page, news) {
  return eventually(`the news to be ${news}`, () => page.textContent(hook("news")), (text) => text === news);
}
