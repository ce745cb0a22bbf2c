"""Host-side observers: what the kernel and the engine say about one sandbox."""
