// SPDX-License-Identifier: Apache-2.0
package dev.edge.sample

import android.app.Activity
import android.os.Bundle
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import dev.edge.digits.Digits
import dev.edge.digits.classify

/** Draw a digit; the class and the time of the inference stand below. */
class MainActivity : Activity() {
    private lateinit var model: Digits
    private lateinit var answer: TextView

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        model = Digits()
        answer = TextView(this).apply { textSize = 32f }
        val paper = DrawingView(this, ::show)
        val again = Button(this).apply {
            text = "Again"
            setOnClickListener { paper.clear() }
        }
        val column = LinearLayout(this).apply { orientation = LinearLayout.VERTICAL }
        val side = resources.displayMetrics.widthPixels
        column.addView(paper, LinearLayout.LayoutParams(side, side))
        column.addView(answer)
        column.addView(again)
        setContentView(column)
    }

    override fun onDestroy() {
        model.close()
        super.onDestroy()
    }

    private fun show(drawing: Drawing) {
        val start = System.nanoTime()
        val best = model.classify(drawing.ink)
        val microseconds = (System.nanoTime() - start) / 1000
        answer.text = "${best.index}   $microseconds µs"
    }
}
