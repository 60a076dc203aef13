"""HTTP: turn an API Gateway event into the response that the original service would send.

Where to add what:

- a route: one entry in ``routes.ROUTES``, which is also its response to OPTIONS;
- its view: one function in ``views.VIEWS``, under the route's name;
- its page for people: one function in ``html.page.SECTIONS``;
- a format: one renderer in ``renderers.RENDERERS``.
"""
