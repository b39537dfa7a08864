"""The short messages that steer a booking, as residents type them on a phone."""

from __future__ import annotations

import re
import time as clocks
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.appointments.commands import (
    FOLDER,
    Command,
    Field,
    Lead,
    change_of,
    field_of,
    lead_ins,
    own_words,
    read_command,
    words_of,
)
from bot.appointments.contents import LANGUAGES, read_yaml
from bot.errors import ContentError

FEWEST = 6
# What residents type: one line for each command, in the order of the vocabulary.
SAID = {
    "en": """
        yes | Yes please! | yesss | OK 👍 | that's right, thanks | 👍🏽 | all correct | go ahead pls | yep yep
        no | nope | No, thank you | that's wrong | nooo | not correct | 👎
        back | go back please | Can I go back? | previous question | take me back | I want to go back | no, go back
        stop | cancel | Cancel the booking please | I don't want to book | never mind | forget it! | I changed my mind
        start over | start again please | from the beginning | restart | can we start over? | all over again
        skip | none | I don't know | not sure | none of these | i dont have one | n/a | no idea, sorry
        me | myself | It's for me | for myself please | I am the patient | for me, thanks
        my son | for my daughter | It's for my child | my kid | yes, for my baby | the patient is my son
        my wife | for my mother | a family member | someone else | my husband please | for my mother in law
        earlier | something earlier please | is there anything earlier? | an earlier day
            | too late | do you have an earlier time
        later | a bit later | something later please | is there a later time? | that's too early | later please
        another | another hospital | a different day please | is there another time?
            | something else | show me more | other
    """,
    "zh": """
        是的 | 好的 | 可以 | 行 | 对对对 | 没问题！ | 确认，谢谢 | 嗯嗯
        不 | 不是 | 不对 | 不行 | 不用了，谢谢 | 错了 | 不可以
        返回 | 上一步 | 我想返回 | 请返回上一步 | 可以返回吗？ | 回到上一题
        取消 | 取消预约 | 不约了 | 算了 | 我不想预约了 | 请帮我取消 | 好的，取消吧
        重新开始 | 重来 | 从头开始 | 我想重新开始 | 再来一次 | 请从头来
        跳过 | 没有 | 不知道 | 我不清楚 | 以上都没有 | 忘了
        我 | 我自己 | 给我自己 | 是我本人 | 给我自己挂号 | 自己看病
        孩子 | 给我孩子 | 我儿子 | 给我的孩子看病 | 宝宝 | 是孩子
        家人 | 我妈妈 | 给我老婆 | 我父亲 | 别人 | 给家人预约
        早一点 | 有没有早一点的？ | 更早的 | 太晚了 | 再早一点吧 | 提前一点
        晚一点 | 有没有晚一点的 | 更晚的 | 太早了 | 再晚一点吧 | 推迟
        换一个 | 换个医院 | 别的医院 | 换一天吧 | 还有别的吗 | 可以换个时间吗？ | 其他
    """,
    "ja": """
        はい | はい、お願いします | OKです | そうです | 大丈夫です。 | 合っています | はーい
        いいえ | 違います | いいえ、違います | だめです | 正しくないです | いや
        戻る | 戻りたいです | 前の質問に戻る | 一つ前に戻って | 戻ってください | 前に戻る
        やめる | キャンセル | キャンセルしてください | 予約をキャンセルします | やっぱりやめます | もういいです | 中止
        最初から | やり直す | 最初からやり直したいです | もう一度最初から | はじめから | リセット
        なし | わかりません | スキップ | 特にありません | 持っていません | 分からないです | ないです
        私 | 私です | 自分です | 本人です | 私の予約です | 自分
        子供 | 子供です | 息子です | 娘の予約です | 赤ちゃん | うちの子です
        家族 | 妻です | 母です | 夫の | 別の人です | 家族の予約です
        もっと早く | もう少し早い時間 | 早めにお願いします | 遅すぎます | もっと早い日がいいです | 早い方がいい
        もっと遅く | もう少し遅い時間 | 遅めにお願いします | 早すぎます | もっと遅い日がいいです | 後で
        他の | 別の病院 | 他の日はありますか？ | 別の時間にしたいです | 他の病院がいいです | 他にありますか
    """,
    "ko": """
        네 | 네, 맞아요 | 예 | 넵! | 좋아요 | 확인했습니다 | 네네 | ㅇㅇ
        아니요 | 아니오 | 아뇨 | 틀렸어요 | 아니요, 안 돼요 | 아닙니다
        뒤로 | 뒤로 가주세요 | 이전 단계로 | 돌아가고 싶어요 | 이전 질문 | 뒤로가기
        취소 | 취소해 주세요 | 예약 취소할게요 | 그만할게요 | 안 할래요 | 중지
        처음부터 | 처음부터 다시 할게요 | 다시 시작 | 처음으로 | 다시 시작해주세요 | 재시작
        없어요 | 모르겠어요 | 잘 모르겠습니다 | 건너뛰기 | 해당 없음 | 패스
        저요 | 본인이요 | 저예요 | 제가 환자예요 | 나 | 본인입니다
        아이요 | 우리 아이예요 | 아들이요 | 제 딸이요 | 아기 | 우리 애요
        가족이요 | 아내요 | 남편입니다 | 우리 엄마 | 다른 사람이요 | 부모님
        더 일찍 | 더 빠른 시간 있어요? | 좀 더 일찍이요 | 너무 늦어요 | 더 빠른 날짜로 해주세요 | 앞당겨 주세요
        더 늦게 | 더 늦은 시간 있나요? | 좀 더 늦게요 | 너무 빨라요 | 더 늦은 날짜로 해주세요 | 나중에
        다른 거 | 다른 병원이요 | 다른 날 있어요? | 다른 시간으로 해주세요 | 다른 날짜로 | 다른 곳
    """,
    "fr": """
        oui | Oui merci | ouiii | d'accord | c'est bon | OK | c'est ça, merci
        non | non merci | c'est faux | pas d'accord | ce n'est pas ça | nonnn
        retour | revenir en arrière | je voudrais revenir en arriere | étape précédente
            | question precedente svp | non, retour
        annuler | anuler | annuler le rendez-vous | stop | je veux annuler svp | laissez tomber | je ne veux plus
        recommencer | tout recommencer | on recommence | depuis le début | je voudrais recommencer | à zéro
        je ne sais pas | aucun | rien | passer | je n'en ai pas | aucune idée
        moi | pour moi | c'est pour moi | moi-même | je suis le patient | pour moi merci
        mon enfant | pour ma fille | c'est pour mon fils | mon bébé | pour mon enfant svp | oui, pour ma fille
        ma femme | pour mon mari | c'est pour ma mère | un membre de ma famille | quelqu'un d'autre | mes parents
        plus tôt | un peu plus tot svp | y a-t-il plus tôt ? | c'est trop tard
            | quelque chose de plus tôt | est-ce possible plus tot
        plus tard | un peu plus tard | y a-t-il plus tard ? | c'est trop tôt
            | quelque chose de plus tard | plus tard svp
        un autre | un autre hôpital | avez-vous un autre jour ? | une autre heure svp | autre chose | d'autres options
    """,
    "de": """
        ja | Ja bitte | jaaa | in Ordnung | das stimmt | passt, danke | genau
        nein | nein danke | das ist falsch | stimmt nicht | nicht richtig | neee
        zurück | zurueck bitte | einen Schritt zurück | vorherige Frage | ich möchte zurück | kann ich zurück?
        abbrechen | bitte abbrechen | Termin absagen | stopp | vergessen Sie es | ich möchte keinen Termin mehr
        von vorne | noch mal von vorne bitte | neu anfangen | von Anfang an | ich möchte neu anfangen | neu starten
        weiß nicht | ich weiss es nicht | keine | nichts davon | überspringen | habe ich nicht
        ich | für mich | fuer mich | es ist für mich | ich selbst | ich bin der Patient
        mein Kind | für meine Tochter | für meinen Sohn bitte | mein Baby | es ist für mein Kind | ja, für mein Kind
        meine Frau | für meinen Mann | meine Mutter | ein Familienmitglied | jemand anderes | für meine Eltern
        früher | etwas früher bitte | gibt es etwas früheres? | zu spät | frueher | einen früheren Termin
        später | etwas später bitte | gibt es etwas späteres? | zu früh | spaeter | einen späteren Termin
        anderes Krankenhaus | ein anderer Tag | gibt es andere Termine? | eine andere Uhrzeit bitte
            | etwas anderes | mehr anzeigen
    """,
    "es": """
        sí | si | Sí, gracias | siii | vale | de acuerdo | está bien | claro que sí
        no | no gracias | está mal | no es correcto | nooo | no estoy de acuerdo
        atrás | volver atras | quiero volver | la pregunta anterior | paso anterior por favor | ¿puedo volver?
        cancelar | cancelar la cita por favor | quiero cancelar | ya no quiero la cita | déjalo | anular
        empezar de nuevo | desde el principio | quiero empezar de nuevo | volver a empezar
            | reiniciar | desde cero por favor
        no sé | no lo se | ninguno | nada | saltar | no tengo
        yo | para mí | para mi | es para mi | yo mismo | soy el paciente
        mi hijo | para mi hija | es para mi hijo | mi bebé | mi nina | sí, para mi hija
        mi esposa | para mi marido | es para mi madre | un familiar | otra persona | mis padres
        más temprano | antes | algo antes por favor | ¿hay algo más temprano? | demasiado tarde | un poco antes
        más tarde | después | algo mas tarde por favor | ¿hay algo más tarde? | demasiado temprano | un poco despues
        otro | otro hospital | ¿hay otro día? | otra hora por favor | quiero otra fecha | otra cosa
    """,
    "ru": """
        да | Да, спасибо | дааа | верно | хорошо | всё правильно | подтверждаю
        нет | нет спасибо | неверно | не подходит | нееет | не согласен
        назад | вернуться назад | хочу вернуться | предыдущий вопрос
            | на шаг назад пожалуйста | можно ли вернуться назад?
        отмена | отменить запись | отмените пожалуйста | стоп | я передумала | не хочу записываться
        заново | начать сначала | давайте начнем сначала | с нуля | хочу начать заново | начать заново пожалуйста
        не знаю | ничего | пропустить | нету | у меня нет | не помню
        я | для меня | для себя | мне | это для меня | я сам
        ребёнок | для ребенка | мой сын | для моей дочери | это для моего ребёнка | дочка
        жена | для мужа | моя мама | для моего отца | член семьи | другой человек
        раньше | пораньше пожалуйста | есть что-нибудь раньше? | слишком поздно | чуть раньше | можно раньше
        позже | попозже | есть что-нибудь позже? | слишком рано | чуть позже пожалуйста | потом
        другой | другая больница | другой день пожалуйста | есть другое время? | покажите ещё | в другой больнице
    """,
    "ar": """
        نعم | ايوه | أيوا | aywa | تمام | نعم، شكرا | صحيح | موافق
        لا | لا شكرا | لأ | خطأ | غير صحيح | مش صحيح
        رجوع | ارجع | أريد الرجوع | السؤال السابق | الخطوة السابقة من فضلك | العودة
        إلغاء | الغاء الموعد | أريد إلغاء الحجز | كنسل | خلاص | لا أريد الحجز
        من جديد | ابدأ من جديد | من البداية | من الأول | أريد البدء من جديد | من البداية لو سمحت
        لا أعرف | لا اعرف | لا شيء | تخطي | ليس لدي | مش عارف
        أنا | لي | لنفسي | الموعد لي | أنا المريض | انا
        طفلي | لطفلي | ابني | لابنتي | الموعد لابني | بنتي
        زوجتي | لزوجي | أمي | لوالدي | شخص آخر | أحد أفراد العائلة
        أبكر | موعد أبكر | هل يوجد موعد أبكر؟ | قبل ذلك | متأخر جدا | ممكن أبكر
        لاحقا | في وقت لاحق | هل يوجد موعد لاحق؟ | بعد ذلك | مبكر جدا | ممكن لاحقا
        مستشفى آخر | يوم آخر | هل يوجد وقت آخر؟ | موعد تاني | شيء آخر | المزيد من فضلك
    """,
    "vi": """
        vâng | vang | đúng | dung | dung roi | dạ vâng ạ | được | ok | đồng ý
        không | khong | không đúng | sai rồi | không được | dạ không ạ
        quay lại | quay lai | trở lại | cho tôi quay lại | bước trước | câu trước
        hủy | huy | dừng | thôi | hủy lịch hẹn giúp tôi | tôi không đặt nữa | tôi muốn hủy
        bắt đầu lại | làm lại từ đầu | lam lai | từ đầu | tôi muốn làm lại | đặt lại từ đầu
        không biết | tôi không biết | khong co | bỏ qua | không rõ | không nhớ
        tôi | cho tôi | toi | bản thân | khám cho tôi | đặt cho mình
        con tôi | cho con tôi | con trai | cho bé | khám cho con gái tôi | em bé
        vợ tôi | cho mẹ tôi | chồng | người nhà | bố mẹ tôi | người khác
        sớm hơn | som hon | có sớm hơn không? | sớm hơn một chút | muộn quá | có giờ sớm hơn không
        muộn hơn | muon hon | trễ hơn | có muộn hơn không? | sớm quá | muộn hơn một chút
        khác | bệnh viện khác | ngày khác | co ngay khac khong | giờ khác được không? | xem thêm
    """,
}
CHANGES = {
    "en": "change the department | another hospital | Can I change the date?"
    " | i want a different time | change the patient"
    " | the name is wrong | change date of birth | wrong passport number"
    " | change my phone number | change interpreter",
    "zh": "换科室 | 换个医院 | 改日期 | 改时间 | 换就诊人 | 名字写错了"
    " | 修改出生日期 | 护照号码错了 | 改一下手机号 | 换翻译",
    "ja": "診療科を変更したい | 病院を変えたい | 日付を変更 | 時間を変えたいです | 患者を変更 | 名前が間違っています"
    " | 生年月日を修正 | パスポート番号を直したい | 電話番号を変更 | 通訳を変更",
    "ko": "진료과 변경 | 병원 바꾸고 싶어요 | 날짜 변경 | 시간 바꿔 주세요"
    " | 환자 변경 | 이름이 틀렸어요 | 생년월일 수정"
    " | 여권 번호가 잘못됐어요 | 전화번호 변경 | 통역 변경",
    "fr": "changer de service | un autre hôpital | changer la date | changer l'heure"
    " | changer le patient | le nom est faux"
    " | corriger la date de naissance | modifier le numéro de passeport | changer mon numéro de téléphone"
    " | changer l'interprète",
    "de": "Abteilung ändern | anderes Krankenhaus | Datum aendern | andere Uhrzeit"
    " | Patient ändern | der Name ist falsch"
    " | Geburtsdatum korrigieren | Passnummer ändern | Telefonnummer ändern | Dolmetscher ändern",
    "es": "cambiar la especialidad | otro hospital | cambiar la fecha | cambiar la hora | cambiar el paciente"
    " | el nombre está mal | corregir la fecha de nacimiento | cambiar el número de pasaporte | cambiar mi teléfono"
    " | cambiar el intérprete",
    "ru": "изменить отделение | другую больницу | поменять дату | изменить время"
    " | изменить пациента | имя неправильное"
    " | исправить дату рождения | изменить номер паспорта | поменять номер телефона | сменить переводчика",
    "ar": "تغيير القسم | مستشفى آخر | تغيير التاريخ | أريد تغيير الوقت"
    " | تغيير المريض | الاسم خطأ | تصحيح تاريخ الميلاد"
    " | تعديل رقم الجواز | تغيير رقم الهاتف | تغيير المترجم",
    "vi": "đổi khoa | đổi bệnh viện | doi ngay | đổi giờ khám | đổi bệnh nhân | sai tên | sửa ngày sinh"
    " | sửa số hộ chiếu | đổi số điện thoại | đổi phiên dịch",
}

# Longer ones, written after the words files were: what stands beside a command, and the sentences that are none.
LONGER = {
    "en": {
        Command.YES: "yes that's correct | Yes, it's correct. | yes confirm | okay that works for me | yeah sure"
        " | perfect thanks | yes, book it please",
        Command.NO: "no that is not right | no it isn't",
        Command.STOP: "i want to cancel | please cancel everything | cancel my booking | I'd like to cancel it",
        Command.BACK: "can you go back | i made a mistake go back",
        Command.RESTART: "let's start again",
        Command.SKIP: "I don't have a passport | don't have any | nothing really",
        Command.CHILD: "it's for my daughter | for my 5 year old son | my little girl",
        Command.FAMILY: "I'm booking for my wife | for my old mother",
        Command.MYSELF: "this is for me | I'm the patient | I am booking for myself",
        Command.EARLIER: "can i get something earlier | is anything sooner available",
        Command.LATER: "a later slot | can we do it later",
        Command.OTHER: "other days? | what other times are there? | any other hospital? | none of these work",
    },
    "zh": {
        Command.YES: "好，谢谢 | 可以，就这个吧 | 是我要的 | 信息没错 | 确认预约吧",
        Command.NO: "不是这样 | 这个不对 | 信息不对",
        Command.STOP: "我要取消 | 不想预约了",
        Command.BACK: "我要返回 | 回到上一个问题",
        Command.RESTART: "全部重新来",
        Command.SKIP: "没有护照 | 我不太清楚 | 不记得了",
        Command.MYSELF: "我是病人 | 我自己要看 | 给我自己预约",
        Command.CHILD: "带孩子看病 | 我女儿看病",
        Command.FAMILY: "给我妈妈挂号 | 我丈夫",
        Command.EARLIER: "再早些 | 能早一点吗",
        Command.LATER: "晚点行吗",
        Command.OTHER: "有没有别的时间 | 看看其他医院 | 换别的医院 | 还有其他时间吗 | 换个日子吧",
    },
    "ja": {
        Command.YES: "はい、そうです | それで大丈夫です | 間違いありません | 予約をお願いします",
        Command.NO: "いいえ、違います。 | ちょっと違います",
        Command.BACK: "前の質問に戻りたいです",
        Command.STOP: "予約をやめたいです | キャンセルでお願いします",
        Command.RESTART: "もう一度最初からお願いします",
        Command.SKIP: "特にないです | よくわかりません",
        Command.MYSELF: "私が受診します | 自分のためです",
        Command.CHILD: "娘のためです | 5歳の息子です",
        Command.FAMILY: "妻の予約です",
        Command.EARLIER: "もっと早い時間はありますか",
        Command.LATER: "もう少し遅い時間はありますか？",
        Command.OTHER: "別の日がいいです | 他の時間はありますか | 他の病院を見せてください",
    },
    "ko": {
        Command.YES: "네 좋아요 | 네, 확인했어요 | 맞는 것 같아요 | 네 그렇게 해주세요",
        Command.NO: "아니요 틀렸어요 | 그건 아니에요",
        Command.BACK: "이전으로 돌아가고 싶어요",
        Command.STOP: "예약을 취소하고 싶어요 | 그만두고 싶어요",
        Command.RESTART: "처음부터 다시 하고 싶어요",
        Command.SKIP: "잘 모르겠는데요 | 여권이 없어요",
        Command.MYSELF: "제가 갈 거예요 | 저를 위한 예약이에요",
        Command.CHILD: "제 아들을 위한 거예요 | 우리 딸 예약이에요",
        Command.FAMILY: "아내를 위해서요 | 어머니 예약이에요",
        Command.EARLIER: "더 빠른 날 있나요?",
        Command.LATER: "더 늦은 시간은요?",
        Command.OTHER: "다른 날짜는 없나요? | 다른 병원 보여주세요",
    },
    "fr": {
        Command.YES: "oui c'est bon | oui c'est correct merci | c'est parfait | oui je confirme | ok pour moi",
        Command.NO: "non ce n'est pas correct | non c'est faux",
        Command.BACK: "je veux revenir en arrière | retour svp",
        Command.STOP: "je veux annuler le rendez-vous | je souhaite arrêter",
        Command.RESTART: "je veux recommencer depuis le début",
        Command.SKIP: "je ne sais pas trop | je n'ai pas de passeport | aucune de ces réponses",
        Command.MYSELF: "le rendez-vous est pour moi",
        Command.CHILD: "c'est pour ma fille de 5 ans | pour mon petit garçon",
        Command.FAMILY: "pour ma belle-mère | pour une amie",
        Command.EARLIER: "avez-vous quelque chose plus tôt | vous avez plus tôt ?",
        Command.LATER: "un peu plus tard si possible",
        Command.OTHER: "un autre jour svp | y a-t-il d'autres horaires | dans un autre hôpital",
    },
    "de": {
        Command.YES: "ja das stimmt | ja, alles richtig | ja gerne | das passt mir gut",
        Command.NO: "nein, das stimmt nicht | nein leider nicht",
        Command.BACK: "bitte zurück | ich möchte einen Schritt zurück",
        Command.STOP: "ich möchte abbrechen | Buchung bitte abbrechen | den Termin stornieren",
        Command.RESTART: "ich möchte von vorne anfangen",
        Command.SKIP: "das weiß ich nicht | habe keinen Pass | keine davon",
        Command.MYSELF: "der Termin ist für mich",
        Command.CHILD: "für meine kleine Tochter | für unser Baby",
        Command.FAMILY: "für meine Oma",
        Command.EARLIER: "geht es auch früher? | haben Sie etwas früheres",
        Command.LATER: "geht es etwas später?",
        Command.OTHER: "ein anderes Krankenhaus bitte | gibt es noch andere Tage | haben Sie andere Zeiten?",
    },
    "es": {
        Command.YES: "sí, está bien | sí, confirmo | todo está correcto | sí por favor",
        Command.NO: "no, está mal | no es así",
        Command.BACK: "quiero volver atrás | volver a la anterior",
        Command.STOP: "quiero cancelar la cita | cancela todo por favor",
        Command.RESTART: "empecemos de nuevo | quiero empezar otra vez",
        Command.SKIP: "no lo sé | no tengo pasaporte | ninguna de las anteriores",
        Command.MYSELF: "la cita es para mí",
        Command.CHILD: "es para mi niña de 5 años | para mi bebe",
        Command.FAMILY: "es para mi esposo | para mi suegra",
        Command.EARLIER: "¿tienen algo antes?",
        Command.LATER: "un poco más tarde por favor",
        Command.OTHER: "¿hay otras horas? | prefiero otro hospital | quiero ver otras fechas",
    },
    "ru": {
        Command.YES: "да, всё верно | да подтверждаю | да, меня устраивает | да пожалуйста",
        Command.NO: "нет, это неправильно | нет не так",
        Command.BACK: "вернитесь назад пожалуйста | я хочу вернуться назад",
        Command.STOP: "я хочу отменить запись | отмените все",
        Command.RESTART: "давайте заново | хочу начать с начала",
        Command.SKIP: "точно не знаю | нет паспорта | ничего из этого нет",
        Command.MYSELF: "запись для меня | это мне",
        Command.CHILD: "для моей маленькой дочки | сыну 5 лет",
        Command.FAMILY: "для моей жены | для бабушки",
        Command.EARLIER: "а раньше можно? | есть время пораньше?",
        Command.LATER: "можно попозже?",
        Command.OTHER: "можно другой день? | а в другой больнице? | какие есть другие варианты",
    },
    "ar": {
        Command.YES: "نعم هذا صحيح | نعم أؤكد الحجز | نعم من فضلك",
        Command.NO: "لا هذا خطأ | لا غير صحيح",
        Command.BACK: "أريد الرجوع للخلف",
        Command.STOP: "أريد إلغاء الموعد | الغي الحجز من فضلك",
        Command.RESTART: "أريد أن أبدأ من جديد",
        Command.SKIP: "لا أعرف بالضبط | ليس لدي جواز | لا شيء من هذا",
        Command.MYSELF: "الموعد لي أنا | الحجز لنفسي",
        Command.CHILD: "لابني الصغير | الموعد لابنتي",
        Command.FAMILY: "لوالدتي | الموعد لزوجتي",
        Command.EARLIER: "هل هناك موعد أقرب؟ | أريد موعدا أبكر",
        Command.LATER: "أريد وقتا لاحقا",
        Command.OTHER: "هل هناك مواعيد أخرى؟ | أريد مستشفى آخر | يوم ثاني لو سمحت",
    },
    "vi": {
        Command.YES: "vâng đúng rồi | dạ đúng ạ | ok được rồi | tôi đồng ý ạ",
        Command.NO: "không, sai rồi | không đúng ạ",
        Command.BACK: "cho mình quay lại | quay lại câu trước giúp tôi",
        Command.STOP: "tôi muốn hủy đặt lịch | hủy giúp mình nhé",
        Command.RESTART: "tôi muốn bắt đầu lại",
        Command.SKIP: "mình không biết ạ | tôi không có hộ chiếu",
        Command.MYSELF: "cho bản thân tôi | tôi khám ạ",
        Command.CHILD: "khám cho con trai tôi | cho con gái 5 tuổi",
        Command.FAMILY: "khám cho mẹ tôi | đặt cho chồng tôi",
        Command.EARLIER: "có giờ nào sớm hơn không | cho tôi giờ sớm hơn",
        Command.LATER: "muộn hơn được không ạ",
        Command.OTHER: "cho tôi xem ngày khác | còn bệnh viện nào khác không | tôi muốn đổi sang ngày khác",
    },
}
NONE_OF_THEM = {
    "en": "I have a headache | my son has a fever | what documents do I need | do you have a phone number"
    " | next week | 3 | 12345 | two | is the doctor good | how long does it take | what is the price"
    " | can my wife come too | tomorrow at 3 | the first one | number 2 | what time | my passport"
    " | which hospital | how do I get there | my appointment | does it cost anything | don't cancel"
    " | do not stop | I can't go back there | my daughter is 5 and has a cough | do you have anything on Monday"
    " | is there anything on 5 May | good morning | ok so how much is it | i said no one is sick",
    "zh": "孩子咳嗽三天了 | 多少钱 | 明天下午 | 第二个 | 3 | 我的护照是X1234567 | 在哪个医院 | 需要带什么 | 怎么去"
    " | 医生好吗 | 我要改日期 | 有没有儿科 | 我头疼 | 不要取消 | 别取消 | 请问几点 | 你好 | 谢谢 | 看病"
    " | 我要挂号 | 我想预约 | 一 | 二",
    "fr": "combien ça coûte | mon fils a de la fièvre | demain matin | quel document | le 3 | bonjour"
    " | à quelle heure | où est l'hôpital | mon passeport | mon rendez-vous | j'ai mal au ventre"
    " | ne pas annuler | n'annulez pas",
    "de": "mein Kind hat Fieber | was kostet das | morgen | wo ist das | hallo | mein Termin | welche Zeit"
    " | den Termin nicht absagen | nicht abbrechen",
    "es": "mi hijo tiene fiebre | cuánto cuesta | mañana | hola | mi cita | qué documentos | no quiero cancelar"
    " | dónde está | el hospital | me duele",
    "ru": "у ребёнка температура | сколько стоит | завтра | здравствуйте | где это | не отменяйте | мой паспорт"
    " | какие документы | болит голова | не надо отменять | не отменять",
    "ar": "ابني عنده حرارة | كم السعر | غدا | مرحبا | أين المستشفى | لا تلغي | موعد | لا تلغ الحجز | عندي صداع",
    "vi": "con tôi bị sốt | bao nhiêu tiền | ngày mai | xin chào | ở đâu | hộ chiếu | giờ nào | khám"
    " | tôi bị đau bụng | đặt lịch khám",
    "ja": "子供が熱です | いくらですか | 明日 | こんにちは | 予約 | 病院はどこですか | キャンセルしないで"
    " | 予約をキャンセルしないでください | 頭が痛い | 時間",
    "ko": "아이가 열이 나요 | 얼마예요 | 내일 | 안녕하세요 | 예약 | 취소하지 마세요 | 병원 | 머리가 아파요"
    " | 취소 안 해요 | 예약하고 싶어요",
}


def rows(lines: str) -> list[str]:
    """One for each command; a line that begins with | goes on with the one before."""
    return re.sub(r"\n\s*\|", " |", lines.strip()).splitlines()


def cases() -> Iterator[tuple[str, str, Command]]:
    for language, lines in SAID.items():
        for command, line in zip(Command, rows(lines), strict=True):
            yield from ((language, text.strip(), command) for text in line.split(" | "))


def changes() -> Iterator[tuple[str, str, Field]]:
    for language, line in CHANGES.items():
        yield from ((language, text.strip(), field) for field, text in zip(Field, line.split("|"), strict=True))


def longer() -> Iterator[tuple[str, str, Command]]:
    for language, lines in LONGER.items():
        yield from ((language, text, command) for command, line in lines.items() for text in line.split(" | "))


@pytest.mark.parametrize(("language", "text", "command"), [*cases(), *longer()])
def test_a_message_is_a_command(language: str, text: str, command: Command) -> None:
    assert read_command(text, language) is command


def test_each_language_is_tried_with_enough_phrasings() -> None:
    assert sorted(SAID) == sorted(CHANGES) == sorted(LANGUAGES) == sorted(path.stem for path in FOLDER.glob("*.yml"))
    lines = [(language, line) for language, lines in SAID.items() for line in rows(lines)]
    assert [(language, line) for language, line in lines if len(line.split(" | ")) < FEWEST] == []


@pytest.mark.parametrize(("language", "text", "field"), list(changes()))
def test_a_message_asks_for_a_change(language: str, text: str, field: Field) -> None:
    assert change_of(text, language) is field


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("ok", Command.YES),
        ("Yes", Command.YES),
        ("好的", Command.YES),
        ("可以", Command.YES),
        ("行", Command.YES),
        ("👍", Command.YES),
        ("👎", Command.NO),
        ("cancel", Command.STOP),
        ("go back", Command.BACK),
        ("返回", Command.BACK),
        ("取消", Command.STOP),
        ("start over", Command.RESTART),
        ("skip", Command.SKIP),
        ("不知道", Command.SKIP),
        ("another hospital", Command.OTHER),
    ],
)
def test_english_chinese_and_signs_are_understood_everywhere(language: str, text: str, command: Command) -> None:
    assert read_command(text, language) is command


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_change_asked_for_in_english_or_chinese_is_understood_everywhere(language: str) -> None:
    assert change_of("change the hospital", language) is Field.HOSPITAL
    assert change_of("改日期", language) is Field.DAY


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "is that ok?"),
        ("en", "ok?"),
        ("en", "is it right"),
        ("zh", "可以吗？"),
        ("zh", "好吗"),
        ("ja", "いいですか？"),
        ("de", "ist das richtig?"),
        ("fr", "est-ce que c'est bon"),
        ("en", "yes no"),
        ("en", "not ok but yes"),
        ("en", "no cancel"),
        ("zh", "不取消"),
        ("es", "no cancelar"),
        ("zh", "不是我"),
        ("en", "next Tuesday"),
        ("en", "my knee hurts"),
        ("en", "thank you"),
        ("en", "please"),
        ("en", ""),
        ("en", "   "),
        ("en", "?!"),
        ("en", "😀"),
        ("en", "TEST PERSON"),
        ("en", "X1234567"),
        ("zh", "孩子发烧"),
        ("vi", "tối"),
        ("vi", "đau đầu"),
        ("vi", "còn"),
        ("en", "yes " * 60),
    ],
)
def test_what_is_no_command(language: str, text: str) -> None:
    assert read_command(text, language) is None


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language, line in NONE_OF_THEM.items() for text in line.split(" | ")]
)
def test_a_sentence_is_no_command(language: str, text: str) -> None:
    assert read_command(text, language) is None


def test_marks_make_other_words_in_vietnamese() -> None:
    assert read_command("dừng", "vi") is Command.STOP
    assert read_command("đúng", "vi") is Command.YES
    assert read_command("dung", "vi") is Command.YES
    assert read_command("đung roi", "vi") is Command.YES
    assert read_command("dùng", "vi") is None
    assert read_command("đừng hủy", "vi") is Command.NO


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("change the date of birth", Field.BIRTH),
        ("the name of the hospital is wrong", Field.HOSPITAL),
        ("change the date and the name", Field.DAY),
        ("I want to see a doctor", None),
        ("what is the name of the hospital", None),
        ("change", None),
        ("change " * 40 + "date", None),
    ],
)
def test_which_field_is_to_change(text: str, field: Field | None) -> None:
    assert change_of(text, "en") is field


def test_a_field_alone_answers_what_to_change() -> None:
    assert field_of("the phone number", "en") is Field.PHONE
    assert field_of("日期", "zh") is Field.DAY
    assert field_of("hello", "en") is None


@settings(deadline=None)  # the first example reads the tables
@given(st.text(st.characters(codec=None), max_size=300), st.sampled_from([*LANGUAGES, "pt", "", "../en"]))
@example("\ud800", "en")
@example("ﷺ" * 90, "ar")
@example("是" * 100, "zh")
@example("a " * 50, "fr")
@example("\u0301\u200d\ufe0f👍🏽", "vi")
def test_any_text_is_read(text: str, language: str) -> None:
    assert read_command(text, language) is None or isinstance(read_command(text, language), Command)
    assert change_of(text, language) is None or field_of(text, language) is not None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["no", "ok", "the", "我", "không", "có", "لا", "!", "👍", "xyz"]), max_size=40))
def test_pieces_of_commands_are_read(pieces: list[str]) -> None:
    command = read_command(" ".join(pieces), "vi")
    assert command is None or "xyz" not in pieces


def test_hostile_text_is_read_at_once() -> None:
    own_words("zh")
    began = clocks.perf_counter()
    for text in ("不" * 100, "no " * 33, "n" * 100, "a" * 100_000, "ﷺ" * 100):
        read_command(text, "ko")
        change_of(text, "vi")
    assert clocks.perf_counter() - began < 1


def test_lead_ins_are_of_all_languages() -> None:
    assert {"my name is", "je m'appelle", "اسمي", "我叫", "tên tôi là"} <= set(lead_ins(Lead.NAME))


def _raw() -> dict[str, dict[str, object]]:
    raw = read_yaml(FOLDER / "de.yml")
    assert isinstance(raw, dict)
    return raw


def test_a_file_that_is_not_right_is_refused() -> None:
    raw = _raw()
    with pytest.raises(ContentError, match="lacks change"):
        words_of("de", {key: value for key, value in raw.items() if key != "change"}, False)
    with pytest.raises(ContentError, match="unknown fields maybe"):
        words_of("de", {**raw, "commands": {**raw["commands"], "maybe": ["vielleicht"]}}, False)
    with pytest.raises(ContentError, match="both yes and no"):
        words_of("de", {**raw, "commands": {**raw["commands"], "no": ["nein", "Ja"]}}, False)
    with pytest.raises(ContentError, match="has no words"):
        words_of("de", {**raw, "change": ["..."]}, False)
