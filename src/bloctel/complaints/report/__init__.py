"""HTML report and pictures of complaints."""
