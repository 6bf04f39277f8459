"""Why a source gives no tree at all, by what the operator should do about it.

What is wrong with single files of a tree that was read is a problem of that tree, not an error.

SourceError              carries message and hint; a user of the command line sees just these
├── SourceMissing        the directory or repository is not there: absence is never taken for an empty catalog
├── SourceUnsettled      it kept changing while it was read: try again
├── SourceTimeout        reading took too long: try again, look at the disk
├── SourceUnreadable     it is there and cannot be read: permissions, damaged objects
├── GitMissing           the git command is not installed
├── NotARepository       there is a directory, and no repository in it
├── DubiousOwnership     git refuses a repository that belongs to another user
├── UnknownRef           no branch, tag or commit of that name
└── PathMissing          the commit has no such directory
"""

from engine.errors import UserError


class SourceError(UserError):
    """The source cannot be read as a whole; what was served before stays."""


class SourceMissing(SourceError):
    """The directory or repository is not there."""


class SourceUnsettled(SourceError):
    """It kept changing while it was read."""


class SourceTimeout(SourceError):
    """Reading took too long."""


class SourceUnreadable(SourceError):
    """It is there and cannot be read."""


class GitMissing(SourceError):
    """The git command is not installed."""


class NotARepository(SourceError):
    """There is a directory, and no repository in it."""


class DubiousOwnership(SourceError):
    """Git refuses a repository that belongs to another user."""


class UnknownRef(SourceError):
    """No branch, tag or commit of that name."""


class PathMissing(SourceError):
    """The commit has no such directory."""
