"""`bloctel consent`: consents, contracts, requests to be called back, their proofs."""

from __future__ import annotations

import typer

from bloctel.cli import consent_proving, consent_recording

__all__ = ["app"]

app = typer.Typer(
    help="Record consents and contracts with their proofs, withdraw, export, erase.",
    no_args_is_help=True,
)
app.command("create")(consent_recording.create)
app.command("record")(consent_recording.record)
app.command("import")(consent_recording.import_)
app.command("withdraw")(consent_recording.withdraw)
app.command("contract")(consent_recording.contract)
app.command("end-contract")(consent_recording.end_contract)
app.command("call-back")(consent_recording.call_back)
app.command("show")(consent_proving.show)
app.command("proof")(consent_proving.proof)
app.command("check")(consent_proving.check)
app.command("verify")(consent_proving.verify)
app.command("purge")(consent_proving.purge)
app.command("forget")(consent_proving.forget)
