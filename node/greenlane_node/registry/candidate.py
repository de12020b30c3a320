"""A center's own file, center.toml, as the nomination it becomes: the same file by which a founder enters a plan.

A proposal is bound to all that was nominated, so whoever has the file can tell whether exactly that is what is voted on.
"""

from pathlib import Path

from greenlane.adapters.evm.bindings import CenterCandidate, CenterRecord
from greenlane.core.errors import Conflict
from greenlane.core.wire import encode_hex

from greenlane_node.founding.genesis import candidate_of
from greenlane_node.planning.plan_file import load_center
from greenlane_node.registry.acts import content_of
from greenlane_node.registry.governance import ProposalView


class CandidateDiffers(Conflict):
    """What was nominated, or what the registry has, is not what the center's file says."""

    code = "candidate-differs"


def require_same_candidate(path: Path, view: ProposalView) -> None:
    """Refuses to go on where the nomination is of another candidate than the file.

    Raises:
        PlanInvalid: the file is none.
        CandidateDiffers: it is another.
    """
    if view.content_hash != content_of(candidate_of(load_center(path))):
        raise CandidateDiffers(
            f"What was nominated is not what this file says (proposal {encode_hex(view.id)}).",
            where=str(path),
            remedy="Ask the new center for its file, and do not vote before they agree.",
        )


def require_same_record(candidate: CenterCandidate, record: CenterRecord) -> None:
    """Refuses to go on where the registry holds a nominee with other keys, or another origin, than ours.

    Raises:
        CandidateDiffers: it does; every field is told.
    """
    fields = ("log_key", "economy", "operator", "anchorer", "validator", "name", "origin", "endpoint", "enode")
    differing = [field for field in fields if getattr(candidate, field) != getattr(record, field)]
    if differing:
        raise CandidateDiffers(
            f"The registry has {record.id} with another {', '.join(differing)} than this home.",
            remedy="Somebody else may have been nominated under this name, or the file was changed: ask who nominated it.",
        )
