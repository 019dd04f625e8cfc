//! Draws a graph of tasks as SVG.
