"""`web`: the pages for people, over the copy that `project` keeps."""

from __future__ import annotations

import logging
import os
import secrets
import time
from typing import Annotated

import typer

from safety_stream.catalogue.loading import load_volumes, load_whole
from safety_stream.cli.terminal import CatalogueFolder, Json, Wrong, epilog, out, print_json, say
from safety_stream.data_files import catalogue_folder, web_styles

EPILOG = epilog(
    "safety-stream web --database sqlite:///copy.sqlite --port 8080",
    {0: "stopped by Ctrl-C or SIGTERM", 1: "it did not start: the database or the port cannot be had"},
)

SECRET = "SAFETY_STREAM_WEB_SECRET"  # noqa: S105 - the name of a variable
"""What cookies are signed with. Without it everybody has to sign in again after a restart."""


def web(
    database: Annotated[
        str,
        typer.Option(
            "--database",
            envvar="SAFETY_STREAM_DATABASE",
            metavar="URL",
            help="Where the copy is: `postgresql://…` or `sqlite:///…`.",
        ),
    ],
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="Port to listen on.")] = 8080,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on: of this machine alone, as long as nobody has a password."),
    ] = "127.0.0.1",
    catalogue: CatalogueFolder = None,
    as_json: Json = False,
) -> None:
    """Serve the inbox, alerts, handover, county and public pages until it is interrupted.

    People choose who they are, without a password: that is for development, and served to this machine alone.
    """
    try:
        # The extra `web`: whoever serves no pages does without it.
        import uvicorn  # noqa: PLC0415
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

        from safety_stream.readmodel.database import open_database  # noqa: PLC0415
        from safety_stream.readmodel.reading import ReadModel  # noqa: PLC0415
        from safety_stream.web.app import NotLoopback, make_app  # noqa: PLC0415
        from safety_stream.web.site import Site  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise Wrong(f"{error.name} is not installed, which the pages need: pip install 'safety-stream[web]'") from None
    folder = catalogue or catalogue_folder()
    volumes = load_volumes(folder)
    try:
        read_model = ReadModel(open_database(database))
        read_model.health()
        site = Site(
            read_model=read_model,
            loaded=load_whole(folder),
            now=lambda: time.time_ns() // 1_000_000,
            secret=os.environ.get(SECRET) or secrets.token_urlsafe(32),
            shift_starts=volumes.budget.shifts.starts if volumes else (0,),
        )
        app = make_app(site, host)
    except SQLAlchemyError:
        raise Wrong(
            "there is no copy to read in the database of --database: name one that safety-stream project keeps"
        ) from None
    except NotLoopback as error:
        raise Wrong(str(error)) from None
    if web_styles() is None:
        say("The style sheet was not fetched, so pages are plain: make styles")
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if as_json:
        print_json({"url": where})
    else:
        out.print(f"Pages are at {where}. Ctrl-C stops it.")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False, timeout_graceful_shutdown=5)
