// Gives the live pages the theme of the site; one that is opened from a file follows the system.
const frames = [...document.querySelectorAll("iframe.live")];
function paint(frame) {
  const dark = document.body.dataset.mdColorScheme === "slate";
  const page = frame.contentDocument?.documentElement;
  if (page) page.dataset.theme = dark ? "dark" : "light";
}
for (const frame of frames) frame.addEventListener("load", () => paint(frame));
new MutationObserver(() => frames.forEach(paint)).observe(document.body, {
  attributeFilter: ["data-md-color-scheme"],
});
