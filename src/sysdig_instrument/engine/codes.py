"""The verdicts on protection, and their codes. A code never changes its meaning, so that scripts and pages can rely on it."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The verdict on a task definition. If it has reasons for several, the first of these is its verdict."""

    NOT_PROTECTED = "not protected"
    CANNOT_BE_PROTECTED = "cannot be protected"
    UNKNOWN = "unknown"
    LEFT_ALONE = "left alone"
    PROTECTED = "protected"


class Code(Enum):
    """A verdict, or a reason for one. The documentation of each member says what it means."""

    @property
    def verdict(self) -> Verdict:
        """The verdict that a reason with this code leads to. The tens digit of the code says it."""
        if self is Code.PROTECTED:
            return Verdict.PROTECTED
        return _VERDICTS.get(self.value[:-1], Verdict.NOT_PROTECTED)

    PROTECTED = "SI000"
    """Every container that the settings select is what the macro would make of it."""

    # Not protected
    NOT_WRAPPED = "SI001"
    """The wrapper does not start the container."""
    VARIABLES_MISSING = "SI002"
    """The container does not have the variables that the wrapper needs."""
    VOLUME_MISSING = "SI003"
    """The container does not have the volume with the wrapper."""
    CAPABILITY_MISSING = "SI004"
    """The container does not have the capability SYS_PTRACE."""
    PID_MODE = "SI005"
    """The task's PidMode is not task."""
    AGENT_MISSING = "SI006"
    """The agent's container is missing."""
    AGENT_IMAGE_NOT_TRUSTED = "SI007"
    """The agent's image is not one of the setting TrustedAgentImages."""
    AGENT_COMMAND = "SI008"
    """The agent's EntryPoint or Command is not what the settings ask for."""
    AGENT_HAS_NO_KEY = "SI009"
    """The agent's container does not get the access key as a secret."""
    AGENT_NOT_AS_LOCKED = "SI010"
    """The agent's container differs from a locked setting."""
    WRAPPER_ELSEWHERE = "SI011"
    """The wrapper's path is in EntryPoint or Command, but not where the macro writes it."""
    WRAPPER_COVERED = "SI012"
    """A mount or another VolumesFrom entry may cover the directory of the wrapper."""
    WAITS_FOR_AGENT = "SI013"
    """A container waits for the agent to end or to be healthy."""
    NOT_THE_AGENT = "SI014"
    """A container has the agent's name and is not the agent."""
    REFUSED = "SI015"
    """The macro would refuse the task definition for another reason."""
    VOLUME_WRITABLE = "SI016"
    """The container can write to the volume with the wrapper."""
    WRAPPER_OVERRIDDEN = "SI017"
    """A variable of the container, or an override at the start of the task, replaces what protection depends on."""
    CAPABILITY_DROPPED = "SI018"
    """Drop of the container contains SYS_PTRACE."""
    AGENT_STOPPED = "SI019"
    """The agent's container of a running task has stopped."""
    AGENT_ALTERED = "SI050"
    """The agent's container has something that no setting asks for and that can change what the agent does."""
    AGENT_VARIABLES = "SI051"
    """The agent's container lacks a variable that the agent needs, or has an invalid value for it."""
    REASON_MISSING = "SI052"
    """It is left alone without a Reason, and RequireReason is true."""

    # Left alone
    DISABLED = "SI020"
    """A setting, or a tag, excludes it."""
    NOT_OPTED_IN = "SI021"
    """Mode is opt-in, and nothing sets Enabled."""
    LOG_ROUTER = "SI022"
    """A FireLens log router."""
    NOT_FARGATE = "SI023"
    """Not for Fargate, so the host agent covers it."""
    NOTHING_TO_INSTRUMENT = "SI024"
    """No container that could be instrumented."""
    NOT_CREATED = "SI025"
    """Not created with the current parameter values."""

    # Cannot be protected
    WINDOWS = "SI030"
    """A Windows task, which supports neither PidMode nor SYS_PTRACE."""
    HOST_PID_MODE = "SI031"
    """PidMode is host."""
    MANAGED_INSTANCES = "SI032"
    """For ECS Managed Instances, which the agent's container is not documented for."""
    EXPRESS_SERVICE = "SI033"
    """An Express Mode service without a task definition of its own."""
    BATCH_JOB = "SI034"
    """An AWS Batch job definition for Fargate."""

    # Unknown
    IMAGE_UNREAD = "SI040"
    """The config of the container's image is not available."""
    VALUE_UNKNOWN = "SI041"
    """A value that decides is not known before deployment."""
    DEFINITION_UNREAD = "SI042"
    """The task definition of a running task could not be read, or has no containers."""


_VERDICTS = {
    "SI02": Verdict.LEFT_ALONE,
    "SI03": Verdict.CANNOT_BE_PROTECTED,
    "SI04": Verdict.UNKNOWN,
}
