// Tells browsers and screen readers which pages are Chinese: fonts and voices depend on it.
if (location.pathname.includes("/zh/")) document.documentElement.lang = "zh-Hans";
