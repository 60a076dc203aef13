"""The HTML page (``Accept: text/html``); imported only when a page is requested."""
