// The entry: what every page has, then the page's own module.

import * as alerts from "./alerts.js";
import * as board from "./board.js";
import { config } from "./config.js";
import * as home from "./home.js";
import * as runbook from "./runbook.js";
import * as silence from "./silence.js";
import { swapTheme } from "./theme.js";

const PAGES = { alerts, board, home, runbook, silence };

document.getElementById("theme").addEventListener("click", swapTheme);
// The menu scrolls sideways on a phone: the page that one is on is in view.
document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
PAGES[config.page]?.show(document.getElementById("main"));
