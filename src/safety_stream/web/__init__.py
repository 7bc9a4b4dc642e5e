"""Pages and streams for people, over the read model: what happened, why it is flagged, what to do by when.

Theory of operation
-------------------
A request passes one door (`app.py`): who is it, may they (`policy.py`), was the form ours. Then a page is made in three
steps that know nothing of one another's insides. The read model gives rows, of the person's own audience and areas
alone; a module of `views/` makes of them a frozen view, all words and no markup; a template of the same name writes it
down. Views and charts are pure functions: the same rows at the same time are the same page.

Everything works without JavaScript. Actions are forms, filters are links, charts are SVG with their numbers in a table
beneath. No script or style stands in a page, and nothing is fetched from elsewhere.
"""
