"""Stand-ins for the classes of Android that apps/android uses: enough to compile it against."""

from __future__ import annotations

from pathlib import Path

_CLASSES = {
    "android/app/Activity": """
        public class Activity extends android.content.Context {
            protected void onCreate(android.os.Bundle state) {}
            protected void onDestroy() {}
            public void setContentView(android.view.View view) {}
        }""",
    "android/content/Context": """
        public class Context {
            public android.content.res.Resources getResources() { return null; }
        }""",
    "android/content/res/Resources": """
        public class Resources {
            public android.util.DisplayMetrics getDisplayMetrics() { return null; }
        }""",
    "android/util/DisplayMetrics": "public class DisplayMetrics { public int widthPixels; }",
    "android/os/Bundle": "public class Bundle {}",
    "android/graphics/Paint": """
        public class Paint {
            public void setAlpha(int alpha) {}
            public int getAlpha() { return 0; }
        }""",
    "android/graphics/Canvas": """
        public class Canvas {
            public void drawRect(float l, float t, float r, float b, Paint paint) {}
        }""",
    "android/view/MotionEvent": """
        public class MotionEvent {
            public static final int ACTION_MOVE = 2;
            public float getX() { return 0; }
            public float getY() { return 0; }
            public int getAction() { return 0; }
        }""",
    "android/view/View": """
        public class View {
            public interface OnClickListener { void onClick(View view); }
            public View(android.content.Context context) {}
            public boolean onTouchEvent(MotionEvent event) { return false; }
            protected void onDraw(android.graphics.Canvas canvas) {}
            public void invalidate() {}
            public int getWidth() { return 0; }
            public int getHeight() { return 0; }
            public void setOnClickListener(OnClickListener listener) {}
        }""",
    "android/widget/TextView": """
        public class TextView extends android.view.View {
            public TextView(android.content.Context context) { super(context); }
            public void setTextSize(float size) {}
            public float getTextSize() { return 0; }
            public void setText(CharSequence text) {}
            public CharSequence getText() { return null; }
        }""",
    "android/widget/Button": """
        public class Button extends TextView {
            public Button(android.content.Context context) { super(context); }
        }""",
    "android/widget/LinearLayout": """
        public class LinearLayout extends android.view.View {
            public static final int VERTICAL = 1;
            public static class LayoutParams { public LayoutParams(int width, int height) {} }
            public LinearLayout(android.content.Context context) { super(context); }
            public void setOrientation(int orientation) {}
            public int getOrientation() { return 0; }
            public void addView(android.view.View view) {}
            public void addView(android.view.View view, LayoutParams parameters) {}
        }""",
}


def write(folder: Path) -> list[Path]:
    """The sources in a folder."""
    files = []
    for name, body in _CLASSES.items():
        file = folder / f"{name}.java"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"package {name.rpartition('/')[0].replace('/', '.')};\n{body}\n")
        files.append(file)
    return files
