"""The gateway: the only public door. It holds connections and no truth."""
