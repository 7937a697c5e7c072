"""What is broken, one function a kind: it fills a site with a broken project and says how to tell a right repair."""
