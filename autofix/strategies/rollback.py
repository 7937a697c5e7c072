"""Take back the patch after which a step failed that had passed before it."""

from autofix.strategies.base import Diagnosis, Proposal, digest


class Rollback:
    def propose(self, diagnosis: Diagnosis) -> Proposal | None:
        suspect = diagnosis.suspect
        if suspect is None or digest(suspect.reverse_patch) in diagnosis.tried_patches:
            return None
        return Proposal(
            patch=suspect.reverse_patch,
            undoes=suspect.attempt_id,
            fixer="rollback",
            reason=f"{diagnosis.step} passed before the patch of attempt {suspect.number}",
        )
