//! Words of the web platform, which say nothing about anyone: they are known names everywhere.

/// Names of elements.
pub(super) const ELEMENTS: &str = "a abbr address article aside audio b base bdi bdo blockquote body br button canvas caption \
    center cite code col colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset figcaption figure font \
    footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link \
    main map mark marquee math menu meta meter nav nobr noembed noframes noscript object ol optgroup option output p param \
    picture plaintext pre progress q rp rt ruby s samp script search section select slot small source span strike strong \
    style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr xmp \
    circle clippath defs desc ellipse filter foreignobject g image line lineargradient mask path pattern polygon polyline \
    radialgradient rect stop symbol text tspan use view";

/// Names of attributes, those without a dash.
pub(super) const ATTRIBUTES: &str = "abbr accept accesskey action align allow allowfullscreen alt async autocapitalize \
    autocomplete autofocus autoplay bgcolor border capture cellpadding cellspacing charset checked cite class clear color \
    cols colspan compact content contenteditable controls coords crossorigin data datetime decoding default defer dir \
    dirname disabled download draggable enctype enterkeyhint face fetchpriority for form formaction formenctype formmethod \
    formnovalidate formtarget frame frameborder headers height hidden high href hreflang hspace id inert inputmode is ismap \
    itemid itemprop itemref itemscope itemtype kind label lang language link list loading loop low max maxlength media \
    method min minlength multiple muted name nohref nomodule noshade novalidate nowrap open optimum part ping placeholder \
    playsinline popover popovertarget poster preload profile property readonly referrerpolicy rel required rev reversed role \
    rows rowspan rules sandbox scheme scope scrolling selected shape size sizes slot span spellcheck src srcdoc srclang \
    srcset start step style summary tabindex target text title translate type usemap valign value version vspace width wrap \
    xmlns xlink cx cy d dx dy fill fx fy gradienttransform gradientunits markerheight markerwidth offset opacity orient \
    pathlength points preserveaspectratio r refx refy rx ry stroke transform viewbox viewBox x x1 x2 y y1 y2 onabort onblur \
    onchange onclick ondblclick onerror onfocus oninput oninvalid onkeydown onkeypress onkeyup onload onmousedown onmousemove \
    onmouseout onmouseover onmouseup onreset onresize onscroll onselect onsubmit onunload onbeforeunload ontoggle onclose \
    oncancel onpaste oncopy oncut ondrop ondragover";

/// Starts of names of attributes that frameworks use.
pub(super) const ATTRIBUTE_PREFIXES: [&str; 14] = [
    "data-", "aria-", "ng-", "_ng", "v-", "x-", "hx-", "accept-", "http-", "fill-", "stroke-", "text-", "font-",
    "clip-",
];

/// Values of attributes: types of input, roles, states, tokens of autocompletion, relations, languages and types of media.
const VALUES: &str = "text password email number date datetime local month week time tel url search color range checkbox radio \
    file submit reset button hidden image get post dialog put patch delete head options true false mixed yes no on off auto \
    none both ltr rtl alert alertdialog application article banner cell columnheader combobox complementary contentinfo \
    definition directory document feed grid gridcell group heading listbox listitem log main menubar menuitem \
    menuitemcheckbox menuitemradio navigation note presentation progressbar radiogroup region row rowgroup rowheader \
    scrollbar searchbox separator slider spinbutton status switch tab tablist tabpanel term textbox timer toolbar tooltip \
    tree treegrid treeitem polite assertive page step location inline vertical horizontal ascending descending other \
    username current new one code off given family honorific additional nickname organization street country postal \
    billing shipping section stylesheet icon shortcut apple touch preload prefetch preconnect modulepreload canonical \
    alternate author help license manifest next prev nofollow noopener noreferrer external self blank parent top en us gb de \
    fr es it nl pl pt ja zh utf iso ascii html css javascript ecmascript module json xml xhtml plain csv pdf png jpeg jpg \
    gif svg webp ico form multipart urlencoded www octet stream font woff woff2 ttf video audio mp4 charset base64 anonymous \
    credentials lazy eager async sync high low numeric decimal viewport device width height initial scale maximum minimum \
    user scalable fit cover contain content type refresh robots noindex all screen print only and not or to start end left \
    right center middle bottom row col colgroup rowgroup currentcolor evenodd nonzero round px rem em vw vh vmin vmax ch ex fr deg \
    ms s pt cm mm in rgb rgba hsl hsla var calc solid dashed transparent inherit unset normal bold w3 org http https ws wss \
    mailto tel sms about blob data ftp null undefined";

/// Words of scripts: events, results of `typeof`, headers, selectors, entities.
const SCRIPT: &str = "use strict click dblclick change input submit reset focus blur focusin focusout keydown keyup keypress \
    mousedown mouseup mousemove mouseover mouseout mouseenter mouseleave pointerdown pointerup pointermove touchstart \
    touchend scroll resize load unload beforeunload pagehide pageshow hashchange popstate message storage error abort \
    timeout progress loadstart loadend readystatechange DOMContentLoaded visibilitychange transitionend animationend \
    toggle close cancel invalid beforeinput paste copy cut drag dragstart dragend dragover dragenter dragleave drop wheel \
    contextmenu select selectionchange string number boolean object function symbol bigint GET POST PUT PATCH DELETE HEAD \
    OPTIONS Content Type Accept Authorization Bearer Cache Control Cookie Origin Referer User Agent XMLHttpRequest Requested \
    With X CSRF Token xsrf csrf token header cors same origin omit include follow manual store reload default loading \
    complete interactive open closed visible beforebegin afterbegin beforeend afterend nearest smooth instant block flex \
    grid inline none hidden nbsp amp lt gt quot apos shy hellip ndash mdash class id name value checked disabled selected \
    first last child nth empty root is where has Enter Escape Tab Space Backspace ArrowUp ArrowDown ArrowLeft ArrowRight \
    Home End PageUp PageDown Shift Alt Meta dataset aria labelledby describedby controls expanded haspopup invalid required \
    busy live label pressed readonly level activedescendant owns modal atomic relevant valuenow valuemin valuemax valuetext \
    details errormessage keyshortcuts roledescription multiselectable orientation sort posinset setsize autocomplete \
    testid onclick onchange FormData arraybuffer responseType length prototype constructor toString next return throw";

/// Statuses of HTTP, which are known where a script holds a number.
pub(super) const STATUS: &str = "100 101 200 201 202 203 204 205 206 300 301 302 303 304 307 308 400 401 402 403 404 405 406 407 \
    408 409 410 411 412 413 414 415 416 417 421 422 423 424 425 426 428 429 431 451 500 501 502 503 504 505";

/// All words that are known everywhere.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    [ELEMENTS, ATTRIBUTES, VALUES, SCRIPT].into_iter().flat_map(str::split_ascii_whitespace)
}

/// Whether one of the lists above holds `word`, in any case.
pub(super) fn holds(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_has_words_and_no_phrases() {
        assert!(all().count() > 500);
        assert!(
            all().all(|word| word.bytes().all(|b| b.is_ascii_alphanumeric())),
            "a word of the platform is one word"
        );
    }
}
