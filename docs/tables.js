// Lets the keyboard reach what the theme wraps around a table that is too wide.
addEventListener("load", () => {
  for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap")) wrap.tabIndex = 0;
});
