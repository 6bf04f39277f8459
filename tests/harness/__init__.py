"""What the system's tests share: a gateway as a process, an upstream of our own with a journal, a catalog to change."""
