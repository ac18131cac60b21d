// What two people on two nodes say and hear in each vocabulary, by wire.md, word by word.
//
// Each is `{ namespace?, path?, meet(enter, tag, { apart }) }`. `enter(name, options)` brings somebody in, each
// on the next node (`apart`) or wherever a balancer sends them; `tag` is new every time. What `hears` names comes next
// and nothing else does; the last words of each tell that what came before was all there was.

import { basics } from "./vocabularies/basics.mjs";
import { bocadillo } from "./vocabularies/bocadillo.mjs";
import { example } from "./vocabularies/example.mjs";
import { flask, simple } from "./vocabularies/labelled.mjs";
import { teamtalk } from "./vocabularies/teamtalk.mjs";
import { tutorial } from "./vocabularies/tutorial.mjs";
import { v1 } from "./vocabularies/v1.mjs";

export const VOCABULARIES = {
  "000": simple,
  "001": flask,
  "002": basics("addUser", "sendChat"),
  "002-lower": basics("adduser", "sendchat"),
  "002-walkthrough": basics("addUser", "sendchat"),
  "003": bocadillo,
  "004": teamtalk,
  example,
  tutorial,
  v1,
};
