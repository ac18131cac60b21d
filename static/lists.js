// The two lists beside the conversation: the rooms, and who is here.

import { element, keepInStep, stamp } from "./dom.js";
import { initial, tone } from "./words.js";

export function drawRooms(rooms, current) {
  keepInStep(element("room-list"), rooms, {
    key: ({ name }) => name,
    make: () => stamp("room-template"),
    update: (node, room) => drawRoom(node.firstElementChild, room, room === current),
  });
  const elsewhere = rooms.reduce((sum, room) => sum + (room === current ? 0 : room.unread), 0);
  element("show-rooms").setAttribute("aria-label", elsewhere > 0 ? `Rooms, ${elsewhere} unread` : "Rooms");
  drawBadge(element("unread-elsewhere"), elsewhere);
}

export function drawPeople(people, me) {
  const shown = people?.list(me, SHOWN) ?? [];
  const count = people?.count ?? 0;
  keepInStep(element("members"), shown, { key: ({ user }) => user, make: () => stamp("member-template"), update: drawMember });
  element("count").textContent = count;
  element("count-short").textContent = count;
  element("more-people").hidden = count <= shown.length;
  element("more-people").textContent = `and ${count - shown.length} more`;
}

function drawRoom(button, room, isCurrent) {
  button.dataset.room = room.name;
  if (isCurrent) button.setAttribute("aria-current", "true");
  else button.removeAttribute("aria-current");
  button.querySelector(".room-name").textContent = room.name;
  button.setAttribute("aria-label", room.unread > 0 ? `${room.name}, ${room.unread} unread` : room.name);
  drawBadge(button.querySelector(".badge"), room.unread);
}

function drawMember(node, { user, name, own }) {
  node.className = `member ${tone(user)}`;
  node.dataset.own = own;
  node.querySelector(".avatar").dataset.initial = initial(name);
  node.querySelector(".member-name").textContent = name;
}

function drawBadge(node, unread) {
  node.hidden = unread === 0;
  node.textContent = unread === 0 ? "" : unread > 99 ? "99+" : unread;
}

/** People that the list shows; the rest are a number. */
export const SHOWN = 200;
