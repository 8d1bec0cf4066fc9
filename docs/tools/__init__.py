"""What the site is made of besides its pages: tables and pictures that are drawn from the code."""
