// The two lists beside the conversation: the rooms and conversations, and who is here.

import { element, keepInStep, stamp } from "./dom.js";
import { initial, tone, writeToText } from "./words.js";

export function drawRooms(rooms, current) {
  const [directs, others] = [true, false].map((kind) => rooms.filter((room) => room.isDirect === kind));
  drawList("room-list", others, current);
  drawList("direct-list", directs, current);
  element("directs").hidden = directs.length === 0;
  const elsewhere = rooms.reduce((sum, room) => sum + (room === current ? 0 : room.unread), 0);
  element("show-rooms").setAttribute("aria-label", elsewhere > 0 ? `Rooms, ${elsewhere} unread` : "Rooms");
  drawBadge(element("unread-elsewhere"), elsewhere);
}

export function drawPeople(room, me) {
  const isShown = room !== null && !room.isDirect;
  const shown = isShown ? room.people.list(me?.id, SHOWN) : [];
  const count = isShown ? room.people.count : 0;
  keepInStep(element("members"), shown, { key: ({ user }) => user, make: makeMember, update: drawMember });
  element("count").textContent = count;
  element("count-short").textContent = count;
  element("show-people").hidden = !isShown;
  element("people-title").hidden = !isShown;
  element("more-people").hidden = count <= shown.length;
  element("more-people").textContent = `and ${count - shown.length} more`;
}

function drawList(list, rooms, current) {
  keepInStep(element(list), rooms, {
    key: ({ key }) => key,
    make: () => stamp("room-template"),
    update: (node, room) => drawRoom(node.firstElementChild, room, room === current),
  });
}

function drawRoom(button, room, isCurrent) {
  button.dataset.key = room.key;
  if (isCurrent) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
  button.querySelector(".room-name").textContent = room.name;
  button.setAttribute("aria-label", room.unread > 0 ? `${room.name}, ${room.unread} unread` : room.name);
  drawBadge(button.querySelector(".badge"), room.unread);
}

/** To oneself there is nothing to write. */
function makeMember({ own }) {
  return stamp(own ? "me-template" : "member-template");
}

function drawMember(node, { user, name, own }) {
  const shown = own ? node : node.firstElementChild;
  node.className = `member ${tone(user)}`;
  node.dataset.own = own;
  node.querySelector(".avatar").dataset.initial = initial(name);
  node.querySelector(".member-name").textContent = name;
  if (own) return;
  Object.assign(shown.dataset, { user, name });
  shown.setAttribute("aria-label", writeToText(name));
  shown.title = writeToText(name);
}

function drawBadge(node, unread) {
  node.hidden = unread === 0;
  node.textContent = unread === 0 ? "" : unread > 99 ? "99+" : unread;
}

/** People that the list shows; the rest are a number. */
export const SHOWN = 200;
